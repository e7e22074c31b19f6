//! The floor for memory, size and start: a tokio and zbus service that does nothing but hold a name.
#![forbid(unsafe_code)]

struct Empty;

#[zbus::interface(name = "org.hvutils.Bare1")]
impl Empty {
    fn ping(&self) -> &str {
        "pong"
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> zbus::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_default();
    let builder = zbus::connection::Builder::address(address.as_str());
    let _connection = builder.serve_at("/org/hvutils/Bare1", Empty).name("org.hvutils.Bare1").build().await?;
    std::future::pending().await
}
