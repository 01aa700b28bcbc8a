//! An alarm that rings in time although the machine was suspended: the waiting itself stands still meanwhile.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::Alarm;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::Alarm;

#[cfg(all(test, target_os = "linux"))]
mod tests;
