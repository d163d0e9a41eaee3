//! Artifacts over the wire, and renewal: only what the attempt names, only in the present session.

use bytes::Bytes;
use tonic::{Code, Status};
use windlass_core::model::{Digest, Fence};
use windlass_core::{Fact, Input};
use windlass_proto::convert::blobs::{Fetch, Part, PutDone, PutOpen};
use windlass_proto::tls::{agent_id_of, certificates};
use windlass_proto::v1;

use super::client::{Client, Session};
use super::harness::{MADE, Master, NEEDED, agent, fence};

struct Agent {
    client: Client,
    session: u64,
    _live: Session,
}

async fn agent_of(master: &Master, n: u8) -> Agent {
    let client = master.client(agent(n)).await;
    let (live, session) = client.session(agent(n), 1).await;
    Agent { client, session, _live: live }
}

impl Agent {
    async fn fetch(&self, fence: Fence, digest: Digest, offset: u64) -> Result<Vec<u8>, Status> {
        let request = Fetch { session: self.session, fence, digest, offset }.to_wire();
        let mut parts = self.client.0.clone().fetch(request).await?.into_inner();
        let (mut bytes, mut at) = (Vec::new(), offset);
        while let Some(part) = parts.message().await? {
            let part = Part::from_wire(part).expect("the master speaks well");
            assert_eq!(part.offset, at);
            at += part.data.len() as u64;
            bytes.extend_from_slice(&part.data);
        }
        Ok(bytes)
    }

    async fn put(&self, fence: Fence, name: &str, digest: Digest, parts: &[&'static [u8]]) -> Result<PutDone, Status> {
        let size = parts.iter().map(|part| part.len() as u64).sum();
        let open = PutOpen { session: self.session, fence, name: name.to_owned(), size, digest };
        let mut messages = vec![Part { offset: 0, data: Bytes::new(), open: Some(open) }];
        let mut offset = 0;
        for part in parts {
            messages.push(Part { offset, data: Bytes::from_static(part), open: None });
            offset += part.len() as u64;
        }
        let messages: Vec<v1::BlobPart> = messages.into_iter().map(Part::into_wire).collect();
        let done = self.client.0.clone().put(tokio_stream::iter(messages)).await?.into_inner();
        Ok(PutDone::from_wire(&done).expect("the master speaks well"))
    }
}

fn code<T>(result: Result<T, Status>) -> Code {
    result.err().expect("refused").code()
}

#[tokio::test]
async fn an_agent_gets_what_its_attempt_names_and_nothing_else() {
    let master = Master::start().await;
    let (needed, secret) = (Digest::of(NEEDED), Digest::of(b"not for it"));
    for (digest, data) in [(needed, NEEDED), (secret, &b"not for it"[..])] {
        master.link.blobs.put(digest, Bytes::copy_from_slice(data)).await.expect("stored");
    }
    let own = agent_of(&master, 1).await;
    assert_eq!(own.fetch(fence(1), needed, 0).await.expect("it is named"), NEEDED);
    assert_eq!(own.fetch(fence(1), needed, 5).await.expect("it is named"), NEEDED[5..]);
    assert_eq!(code(own.fetch(fence(1), secret, 0).await), Code::PermissionDenied);
    assert_eq!(code(own.fetch(fence(2), needed, 0).await), Code::PermissionDenied);
    assert_eq!(code(own.fetch(fence(99), needed, 0).await), Code::PermissionDenied);
    let stale = Agent { session: own.session + 9, client: own.client.clone(), _live: own._live };
    assert_eq!(code(stale.fetch(fence(1), needed, 0).await), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_named_artifact_that_is_gone_is_not_found() {
    let master = Master::start().await;
    let own = agent_of(&master, 1).await;
    assert_eq!(code(own.fetch(fence(1), Digest::of(NEEDED), 0).await), Code::NotFound);
}

#[tokio::test]
async fn an_artifact_is_stored_and_committed_before_it_is_acknowledged() {
    let master = Master::start().await;
    let own = agent_of(&master, 1).await;
    let digest = Digest::of(b"two parts");
    let done = own.put(fence(1), MADE, digest, &[b"two ", b"parts"]).await.expect("stored");
    assert_eq!(done, PutDone { digest, size: 9 });
    assert_eq!(master.link.blobs.size(&digest).await.expect("asked"), Some(9));
    let stored = Input::BlobStored { fence: fence(1), name: MADE.to_owned(), digest, size: 9 };
    assert!(master.seen().contains(&stored));
    let empty = Digest::of(b"");
    assert_eq!(own.put(fence(1), MADE, empty, &[]).await.expect("stored").size, 0);
}

#[tokio::test]
async fn an_artifact_that_is_not_what_it_says_or_not_its_own_is_refused() {
    let master = Master::start().await;
    let own = agent_of(&master, 1).await;
    let digest = Digest::of(b"bytes");
    assert_eq!(code(own.put(fence(1), MADE, Digest::of(b"other"), &[b"bytes"]).await), Code::InvalidArgument);
    assert_eq!(code(own.put(fence(1), "other.tar", digest, &[b"bytes"]).await), Code::PermissionDenied);
    assert_eq!(code(own.put(fence(2), MADE, digest, &[b"bytes"]).await), Code::PermissionDenied);
    master.happen(&[Fact::JobClosed { fence: fence(1) }]).await;
    assert_eq!(code(own.put(fence(1), MADE, digest, &[b"bytes"]).await), Code::PermissionDenied);
    assert!(!master.link.blobs.exists(&digest).await.expect("asked"));
    assert!(!master.seen().iter().any(|input| matches!(input, Input::BlobStored { .. })));
}

#[tokio::test]
async fn a_certificate_is_renewed_for_the_same_agent_within_its_session() {
    let master = Master::start().await;
    let own = agent_of(&master, 1).await;
    let key = rcgen::KeyPair::generate().expect("a key");
    let csr = rcgen::CertificateParams::default().serialize_request(&key).expect("a request").pem().expect("PEM");
    let request = |session| v1::RenewRequest { session, csr: csr.clone().into_bytes() };
    let reply = own.client.0.clone().renew(request(own.session)).await.expect("renewed").into_inner();
    let leaf = certificates("certificate", &reply.chain).expect("PEM").remove(0);
    assert_eq!(agent_id_of(&leaf, master.link.identity.cluster_id()).expect("an agent's"), agent(1));
    assert_eq!(reply.ca_bundle, master.link.identity.ca_pem().as_bytes());
    assert_eq!(code(own.client.0.clone().renew(request(own.session + 1)).await), Code::FailedPrecondition);
    let garbage = v1::RenewRequest { session: own.session, csr: b"garbage".to_vec() };
    assert_eq!(code(own.client.0.clone().renew(garbage).await), Code::InvalidArgument);
}
