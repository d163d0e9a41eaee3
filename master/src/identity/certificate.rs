//! What stands in each kind of certificate. Every mark is set here; none comes from a request.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType, SerialNumber,
};
use windlass_core::model::{AgentId, UnixMs};
use windlass_proto::tls::{MASTER_DNS, Names};

use super::{Result, random};

const HOUR_S: u64 = 60 * 60;
const DAY_S: u64 = 24 * HOUR_S;
/// Clocks of hosts may be behind; a certificate starts earlier than now by this.
const BACKDATED_S: u64 = HOUR_S;
const CA_LIFE_S: u64 = 3_653 * DAY_S;
const LEAF_LIFE_S: u64 = 90 * DAY_S;

pub(super) fn of_ca(cluster_id: &str, now: UnixMs) -> Result<CertificateParams> {
    let mut params = named(&format!("windlass CA {cluster_id}"), now, CA_LIFE_S)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = false;
    Ok(params)
}

pub(super) fn of_master(cluster_id: &str, now: UnixMs) -> Result<CertificateParams> {
    let mut params = named("windlass master", now, LEAF_LIFE_S)?;
    let uri = Names { cluster_id }.master();
    params.subject_alt_names = vec![SanType::DnsName(MASTER_DNS.try_into()?), SanType::URI(uri.as_str().try_into()?)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

pub(super) fn of_agent(cluster_id: &str, agent: AgentId, now: UnixMs) -> Result<CertificateParams> {
    let mut params = named(&format!("windlass agent {agent}"), now, LEAF_LIFE_S)?;
    let uri = Names { cluster_id }.agent(agent);
    params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into()?)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// Whether a leaf that ends then, in seconds since 1970, is past half of its life.
pub(super) fn is_past_half_life(not_after_s: i64, now: UnixMs) -> bool {
    let half_left = i64::try_from(now.0 / 1_000 + LEAF_LIFE_S / 2).unwrap_or(i64::MAX);
    not_after_s <= half_left
}

fn named(subject: &str, now: UnixMs, life_s: u64) -> Result<CertificateParams> {
    let mut serial = random::bytes::<16>()?;
    // A serial number is positive.
    serial[0] = serial[0] & 0x7f | 0x40;
    let seconds = now.0 / 1_000;
    let at = |seconds| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.not_before = at(seconds.saturating_sub(BACKDATED_S));
    params.not_after = at(seconds + life_s);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}
