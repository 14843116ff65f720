//! Every operation against real git over real smart HTTP: its plans are run as they are, in a home of
//! their own.

mod fork;
mod opening;
mod pulling;
mod pushing;
mod sandbox;
mod server;
mod working;
