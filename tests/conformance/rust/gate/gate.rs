//! The next protocol's client must be told which versions this server understands.
//!
//!     gate ADDRESS        prints `refused <number> <mine> <lowest> <highest>`, or what came instead

use iggy::prelude::*;

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1).expect("usage: gate ADDRESS");
    let client = IggyClient::builder()
        .with_tcp()
        .with_server_address(address)
        .with_reconnection_max_retries(Some(0))
        .build()
        .expect("build a client");
    client.connect().await.expect("connect");
    match client.login_user("iggy", "iggy").await {
        Ok(_) => println!("accepted"),
        Err(error) => println!("refused {} {error}", error.as_code()),
    }
}
