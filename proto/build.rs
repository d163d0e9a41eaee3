//! Compiles the agent link with protox, so that no `protoc` is needed on any machine.

use std::error::Error;

const FILES: [&str; 1] = ["windlass/agent/v1/agent_link.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(FILES, ["."])?;
    tonic_prost_build::configure()
        .bytes(".windlass.agent.v1.LogChunk.data")
        .bytes(".windlass.agent.v1.BlobPart.data")
        .skip_debug([".windlass.agent.v1.Secret"])
        .compile_fds(descriptors)?;
    println!("cargo::rerun-if-changed=windlass");
    Ok(())
}
