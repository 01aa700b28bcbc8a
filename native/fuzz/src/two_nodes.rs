//! Two nodes and a network that do what the input says, beside a model of the nodes' promises.

mod model;
mod network;
mod step;

use std::time::Duration;

use crate::input::Input;
use step::World;

/// Connects, sends, cancels, closes, removes, restarts; drops, doubles, delays, damages; makes the way longer and
/// shorter; lets time pass.
///
/// # Panics
/// When a message arrives twice, altered or after it was given up, is settled twice or never, a connection's name comes
/// again, a stream's bytes are not those that were written, a deadline stays in the past, a connection with
/// something to send stands still, or two nodes that could talk do
/// not.
pub fn two_nodes(data: &[u8]) {
    let mut input = Input::new(data);
    let mut world = World::new();
    for _ in 0..MAX_STEPS {
        let Some(choice) = input.step() else { break };
        world.step(choice, &mut input);
    }
    world.heal();
    world.run_for(Duration::from_secs(60));
    world.check_settled();
    world.check_talking();
}

const MAX_STEPS: usize = 150;
