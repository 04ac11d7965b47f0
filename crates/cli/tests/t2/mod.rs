//! What needs root and programs of other people.

mod clients;
mod listeners;
mod many;
mod servers;
mod system;
mod tools;
