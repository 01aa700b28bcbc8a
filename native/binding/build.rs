//! Tells the linker how a Node addon is linked on this system.

fn main() {
    napi_build::setup();
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "macos") {
        // A library's own name there is otherwise the path at which it was linked.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/warren.node");
    }
}
