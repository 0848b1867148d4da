//! Drives the real binary against real Apache, mod_wsgi and Django, as an ordinary user that the
//! set-up creates. Run by `make test`, which prepares the machine; without that it fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod support;

mod activate;
mod activate_killed;
mod activate_targets;
mod bad_input;
mod deploy;
mod deploy_check;
mod dev;
mod dev_again;
mod dev_stop;
mod diff;
mod init_existing;
mod init_new;
mod layouts;
mod live_reload;
mod monitor;
mod odd_paths;
mod parity;
mod production_attacks;
mod production_deploy;
mod production_image;
mod production_managed;
mod production_requests;
mod production_sites;
mod production_targets;
mod production_tls;
mod prove;
mod reload;
mod reload_broken;
mod reload_data;
mod reload_end;
mod reload_files;
mod reload_leading;
mod reload_life;
mod reload_modules;
mod reload_monitor;
mod reload_never_old;
mod reload_packages;
mod reload_polling;
mod reload_templates;
mod reload_wait;
mod root;
mod system_apache;
