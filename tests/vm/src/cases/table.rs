//! Every case, by stage, in the order in which a machine plays them. A new case is a line here and a function beside it.
//!
//! Cases of a stage share a boot: each begins with what it needs, whatever the one before has left.

use super::{Case, Stage, addresses, backup, beat, copy, driver, injection, old, power, raw, stock, time};

/// All of them, in order.
pub const ALL: &[Case] = &[
    Case {
        name: "kernel_finds_hyper_v_and_every_service",
        stage: Stage::Stock,
        play: stock::kernel_finds_every_service,
    },
    Case { name: "kernel_answers_heartbeats", stage: Stage::Stock, play: stock::kernel_answers_heartbeats },
    Case {
        name: "kernel_says_nothing_about_applications",
        stage: Stage::Stock,
        play: beat::kernel_says_nothing_about_applications,
    },
    Case {
        name: "kernel_sets_its_clock_by_the_host",
        stage: Stage::Stock,
        play: stock::kernel_sets_its_clock_by_the_host,
    },
    Case {
        name: "c_vss_daemon_freezes_and_thaws",
        stage: Stage::Stock,
        play: stock::c_daemon_freezes_and_thaws,
    },
    Case {
        name: "vssd_answers_like_the_c_daemon",
        stage: Stage::Stock,
        play: backup::vssd_answers_like_the_c_daemon,
    },
    Case { name: "c_kvp_daemon_exchanges_items", stage: Stage::Stock, play: stock::c_daemon_exchanges_items },
    Case {
        name: "kvpd_on_hv_utils_answers_like_the_c_daemon",
        stage: Stage::Stock,
        play: stock::kvpd_on_hv_utils_answers_like_the_c_daemon,
    },
    Case {
        name: "c_kvp_daemon_and_kvpd_tell_the_same_about_an_adapter",
        stage: Stage::Stock,
        play: addresses::c_daemon_and_kvpd_side_by_side,
    },
    Case {
        name: "kvpd_tells_about_an_adapter_from_memory",
        stage: Stage::Stock,
        play: addresses::answer_from_memory_makes_few_calls,
    },
    Case {
        name: "c_kvp_daemon_of_debian_configures_no_adapter",
        stage: Stage::Stock,
        play: injection::c_daemon_configures_nothing,
    },
    Case {
        name: "host_configures_an_adapter_in_texts",
        stage: Stage::Stock,
        play: injection::adapter_is_configured_in_texts,
    },
    Case { name: "kvpd_restarts_on_hv_utils", stage: Stage::Stock, play: stock::daemon_restarts_on_hv_utils },
    Case {
        name: "second_daemon_is_refused_the_char_device",
        stage: Stage::Stock,
        play: stock::second_daemon_is_refused_the_device,
    },
    Case {
        name: "hv_utils_unbound_under_kvpd_comes_back",
        stage: Stage::Stock,
        play: stock::driver_unbound_under_the_daemon_comes_back,
    },
    Case {
        name: "host_shuts_the_machine_down",
        stage: Stage::Stock,
        play: stock::host_shuts_the_machine_down,
    },
    Case {
        name: "kernel_hands_over_rings_in_which_the_host_has_spoken",
        stage: Stage::Raw,
        play: raw::kernel_hands_over_rings_in_which_the_host_has_spoken,
    },
    Case { name: "kvpd_takes_the_raw_channel", stage: Stage::Raw, play: raw::kvpd_takes_the_raw_channel },
    Case {
        name: "every_kvp_operation_on_the_raw_channel",
        stage: Stage::Raw,
        play: raw::every_operation_on_the_raw_channel,
    },
    Case {
        name: "kvpd_tells_about_an_adapter_in_binary",
        stage: Stage::Raw,
        play: addresses::binary_form_on_the_raw_channel,
    },
    Case {
        name: "host_configures_an_adapter_in_binary",
        stage: Stage::Raw,
        play: injection::adapter_is_configured_in_binary,
    },
    Case {
        name: "kvpd_restarts_on_the_raw_channel",
        stage: Stage::Raw,
        play: raw::daemon_restarts_on_the_raw_channel,
    },
    Case {
        name: "device_removed_under_kvpd_comes_back_as_another_uio",
        stage: Stage::Raw,
        play: raw::device_removed_under_the_daemon_comes_back_as_another_uio,
    },
    Case {
        name: "drivers_change_while_exchanges_run",
        stage: Stage::Raw,
        play: raw::drivers_change_while_exchanges_run,
    },
    Case {
        name: "service_is_switched_off_and_on_20_times",
        stage: Stage::Raw,
        play: raw::service_is_switched_off_and_on,
    },
    Case {
        name: "hv_driver_moves_every_service_both_ways",
        stage: Stage::Raw,
        play: driver::every_service_both_ways,
    },
    Case {
        name: "hvctl_moves_a_service_over_the_bus",
        stage: Stage::Raw,
        play: driver::hvctl_moves_a_service_over_the_bus,
    },
    Case {
        name: "automatic_choice_measures_what_the_kernel_takes",
        stage: Stage::Raw,
        play: driver::automatic_choice_measures_what_the_kernel_takes,
    },
    Case {
        name: "hv_driver_killed_at_any_moment_leaves_probing_on",
        stage: Stage::Raw,
        play: driver::killed_at_any_moment_leaves_probing_on,
    },
    Case {
        name: "heartbeat_goes_on_through_all_that",
        stage: Stage::Raw,
        play: raw::other_services_keep_running_meanwhile,
    },
    Case { name: "host_restarts_the_machine", stage: Stage::Raw, play: raw::host_restarts_the_machine },
    Case {
        name: "kvp_gets_past_a_host_that_offers_it_anew",
        stage: Stage::Reoffer,
        play: driver::kvp_gets_past_a_host_that_offers_it_anew,
    },
    Case {
        name: "restart_on_uio_loses_the_device_and_apply_takes_it_back",
        stage: Stage::Reoffer,
        play: driver::restart_on_uio_loses_the_device_and_apply_takes_it_back,
    },
    Case {
        name: "kvp_goes_back_past_that_host_too",
        stage: Stage::Reoffer,
        play: driver::kvp_goes_back_past_that_host_too,
    },
    Case {
        name: "hv_driver_killed_while_the_host_offers_anew",
        stage: Stage::Reoffer,
        play: driver::killed_at_any_moment_leaves_probing_on,
    },
    Case {
        name: "shutdownd_powers_off_by_inits_command",
        stage: Stage::Reoffer,
        play: power::inits_command_powers_off,
    },
    Case {
        name: "older_kernel_answers_heartbeats",
        stage: Stage::Old,
        play: stock::kernel_answers_heartbeats,
    },
    Case {
        name: "older_kernel_sets_its_clock_by_the_host",
        stage: Stage::Old,
        play: stock::kernel_sets_its_clock_by_the_host,
    },
    Case {
        name: "c_vss_daemon_freezes_and_thaws_an_older_kernel",
        stage: Stage::Old,
        play: stock::c_daemon_freezes_and_thaws,
    },
    Case {
        name: "vssd_answers_like_the_c_daemon_on_an_older_kernel",
        stage: Stage::Old,
        play: backup::vssd_answers_like_the_c_daemon,
    },
    Case {
        name: "c_kvp_daemon_exchanges_items_on_an_older_kernel",
        stage: Stage::Old,
        play: stock::c_daemon_exchanges_items,
    },
    Case {
        name: "kvpd_on_an_older_kernel",
        stage: Stage::Old,
        play: stock::kvpd_on_hv_utils_answers_like_the_c_daemon,
    },
    Case {
        name: "older_kernel_refuses_the_raw_channel",
        stage: Stage::Old,
        play: old::older_kernel_refuses_the_raw_channel,
    },
    Case {
        name: "fcopyd_on_the_char_device_of_an_older_kernel",
        stage: Stage::Old,
        play: copy::older_char_device,
    },
    Case {
        name: "host_shuts_an_older_kernel_down",
        stage: Stage::Old,
        play: stock::host_shuts_the_machine_down,
    },
    Case {
        name: "c_vss_daemon_freezes_every_kind_and_root",
        stage: Stage::Backup,
        play: backup::c_daemon_freezes_every_kind,
    },
    Case {
        name: "vssd_on_hv_utils_freezes_every_kind_and_root",
        stage: Stage::Backup,
        play: backup::vssd_on_hv_utils_freezes_every_kind,
    },
    Case {
        name: "vssd_on_hv_utils_freezes_a_busy_guest_20_times",
        stage: Stage::Backup,
        play: backup::vssd_on_hv_utils_freezes_a_busy_guest,
    },
    Case {
        name: "vssd_killed_on_hv_utils_while_all_is_frozen",
        stage: Stage::Backup,
        play: backup::vssd_on_hv_utils_is_killed,
    },
    Case {
        name: "host_that_never_thaws_on_hv_utils",
        stage: Stage::Backup,
        play: backup::host_never_thaws_on_hv_utils,
    },
    Case {
        name: "vssd_on_uio_freezes_every_kind_and_root",
        stage: Stage::Backup,
        play: backup::vssd_on_uio_freezes_every_kind,
    },
    Case {
        name: "vssd_on_uio_freezes_a_busy_guest_20_times",
        stage: Stage::Backup,
        play: backup::vssd_on_uio_freezes_a_busy_guest,
    },
    Case {
        name: "vssd_killed_on_uio_while_all_is_frozen",
        stage: Stage::Backup,
        play: backup::vssd_on_uio_is_killed,
    },
    Case {
        name: "host_that_never_thaws_on_uio",
        stage: Stage::Backup,
        play: backup::host_never_thaws_on_uio,
    },
    Case {
        name: "c_vss_daemon_waits_for_its_own_log",
        stage: Stage::Backup,
        play: backup::c_daemon_waits_for_its_own_log,
    },
    Case {
        name: "vssd_on_an_older_kernel_freezes_every_kind_and_root",
        stage: Stage::BackupOld,
        play: backup::vssd_on_hv_utils_freezes_every_kind,
    },
    Case {
        name: "vssd_on_an_older_kernel_freezes_a_busy_guest_20_times",
        stage: Stage::BackupOld,
        play: backup::vssd_on_hv_utils_freezes_a_busy_guest,
    },
    Case {
        name: "vssd_killed_on_an_older_kernel_while_all_is_frozen",
        stage: Stage::BackupOld,
        play: backup::vssd_on_hv_utils_is_killed,
    },
    Case {
        name: "host_that_never_thaws_an_older_kernel",
        stage: Stage::BackupOld,
        play: backup::host_never_thaws_on_hv_utils,
    },
    Case {
        name: "c_vss_daemon_freezes_every_kind_and_f2fs",
        stage: Stage::BackupGeneral,
        play: backup::c_daemon_freezes_every_kind,
    },
    Case {
        name: "vssd_freezes_every_kind_and_f2fs",
        stage: Stage::BackupGeneral,
        play: backup::vssd_on_hv_utils_freezes_every_kind,
    },
    Case {
        name: "clock_by_the_kernel_is_right_at_each_sync_and_free_between",
        stage: Stage::Time,
        play: time::kernel::kernel_is_right_at_each_sync_and_free_between,
    },
    Case {
        name: "clock_imitated_runs_as_the_kernels",
        stage: Stage::Time,
        play: time::kernel::imitated_clock_runs_as_the_kernels,
    },
    Case {
        name: "clock_by_chrony_follows_the_ptp_clock",
        stage: Stage::Time,
        play: time::chrony::chrony_follows_the_ptp_clock,
    },
    Case {
        name: "timesyncd_keeps_the_clock_by_the_ptp_clock",
        stage: Stage::Time,
        play: time::daemon::keeps_the_clock_by_the_ptp_clock,
    },
    Case {
        name: "timesyncd_keeps_the_clock_by_the_reference_counter",
        stage: Stage::Time,
        play: time::daemon::keeps_the_clock_by_the_reference_counter,
    },
    Case {
        name: "timesyncd_keeps_the_clock_by_the_least_delay",
        stage: Stage::Time,
        play: time::daemon::keeps_the_clock_by_the_least_delay,
    },
    Case {
        name: "timesyncd_stands_times_that_cannot_be",
        stage: Stage::Time,
        play: time::odd::stands_times_that_cannot_be,
    },
    Case {
        name: "timesyncd_is_right_after_a_pause",
        stage: Stage::Time,
        play: time::odd::is_right_after_a_pause,
    },
    Case {
        name: "clock_by_chrony_follows_timesyncd",
        stage: Stage::Time,
        play: time::chrony::chrony_follows_timesyncd,
    },
    Case {
        name: "shutdownd_restarts_by_inits_command",
        stage: Stage::Time,
        play: power::inits_command_restarts_by_force,
    },
    Case {
        name: "every_daemon_is_ready_on_uio",
        stage: Stage::Systemd,
        play: power::every_daemon_is_ready_on_uio,
    },
    Case {
        name: "heartbeatd_says_no_more_than_the_kernel",
        stage: Stage::Systemd,
        play: beat::heartbeatd_says_no_more_than_the_kernel,
    },
    Case {
        name: "heartbeatd_follows_units_and_the_system",
        stage: Stage::Systemd,
        play: beat::heartbeatd_follows_systemd,
    },
    Case { name: "fcopyd_receives_100_mib", stage: Stage::Systemd, play: copy::large_file_arrives },
    Case {
        name: "fcopyd_takes_every_name_and_refuses_what_it_must",
        stage: Stage::Systemd,
        play: copy::names_flags_and_refusals,
    },
    Case {
        name: "fcopy_taken_away_in_the_middle_leaves_no_file",
        stage: Stage::Systemd,
        play: copy::service_taken_away_in_the_middle,
    },
    Case {
        name: "shutdownd_is_kept_from_it_by_an_inhibitor",
        stage: Stage::Systemd,
        play: power::inhibitor_keeps_the_machine_on,
    },
    Case {
        name: "shutdownd_restarts_the_machine_by_logind",
        stage: Stage::Systemd,
        play: power::logind_restarts_the_machine,
    },
    Case {
        name: "shutdownd_restarts_by_force_past_an_inhibitor",
        stage: Stage::Systemd,
        play: power::forced_restart_passes_an_inhibitor,
    },
    Case {
        name: "shutdownd_powers_the_machine_off_by_logind",
        stage: Stage::Systemd,
        play: power::logind_powers_the_machine_off,
    },
];
