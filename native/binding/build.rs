//! Tells the linker how a Node addon is linked on this system.

fn main() {
    napi_build::setup();
}
