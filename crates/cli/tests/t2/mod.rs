//! What needs root and programs of other people.

mod clients;
mod containers;
mod convert;
mod defaults;
mod everyday;
mod examples;
mod filters;
mod floors;
mod hooks;
mod imports;
mod inspect;
mod interrupted;
mod killing;
mod listeners;
mod many;
mod outside;
mod outside_containers;
mod outside_memory;
mod outside_refusals;
mod outside_tasks;
mod runtimes;
mod servers;
mod signals;
mod system;
mod tools;
