//! Both wires of Windlass: the agent link (generated code, conversions, TLS settings) and the shapes of the HTTP API.
//!
//! The only place that unwraps optional protobuf fields is `convert`. No decisions live here.

pub mod api;
pub mod convert;
pub mod tls;

/// The generated agent link. Use `convert` to get from and to the words of `windlass-core`.
pub mod v1 {
    #![expect(
        clippy::all,
        clippy::too_many_lines,
        clippy::allow_attributes,
        reason = "generated code; the proto file holds the comments"
    )]
    tonic::include_proto!("windlass.agent.v1");
}
