//! The keys that a configuration may have. The `…_UNUSED` lists have the keys of Vault or OpenBao that Strongroom does
//! not use, so that their configurations also start this server. A key that is in no list stops the start.

pub(crate) type Known = &'static [&'static str];

pub(crate) const TOP: Known = &[
    "api_addr",
    "audit",
    "backend",
    "cluster_name",
    "default_lease_ttl",
    "listener",
    "log_level",
    "max_lease_ttl",
    "pid_file",
    "seal",
    "storage",
    "telemetry",
    "unsafe_allow_api_audit_creation",
];

pub(crate) const TOP_UNUSED: Known = &[
    "administrative_namespace_path",
    "allow_audit_log_prefixing",
    "cache_size",
    "cluster_addr",
    "default_max_request_duration",
    "detect_deadlocks",
    "disable_cache",
    "disable_clustering",
    "disable_indexing",
    "disable_mlock",
    "disable_performance_standby",
    "disable_printable_check",
    "disable_sealwrap",
    "disable_standby_reads",
    "enable_post_unseal_trace",
    "enable_response_header_hostname",
    "enable_response_header_raft_node_id",
    "enable_ui",
    "enable_unauthenticated_access",
    "entropy",
    "experiments",
    "ha_backend",
    "ha_storage",
    "imprecise_lease_role_tracking",
    "introspection_endpoint",
    "kms_library",
    "license_path",
    "log_file",
    "log_format",
    "log_requests_level",
    "log_rotate_bytes",
    "log_rotate_duration",
    "log_rotate_max_files",
    "plugin_directory",
    "plugin_file_permissions",
    "plugin_file_uid",
    "plugin_tmpdir",
    "raw_storage_endpoint",
    "reporting",
    "sentinel",
    "service_registration",
    "ui",
    "unsafe_cross_namespace_identity",
    "user_lockout",
];

pub(crate) const LISTENER: Known = &[
    "address",
    "tls_cert_file",
    "tls_client_ca_file",
    "tls_disable",
    "tls_disable_client_certs",
    "tls_key_file",
    "tls_min_version",
    "tls_require_and_verify_client_cert",
];

pub(crate) const LISTENER_UNUSED: Known = &[
    "agent_api",
    "chroot_namespace",
    "cluster_address",
    "custom_response_headers",
    "disable_replication_status_endpoints",
    "disable_request_limiter",
    "disable_unauthed_generate_root_endpoints",
    "disable_unauthed_rekey_endpoints",
    "http_idle_timeout",
    "http_read_header_timeout",
    "http_read_timeout",
    "http_write_timeout",
    "inflight_requests_logging",
    "max_request_duration",
    "max_request_json_memory",
    "max_request_json_strings",
    "max_request_size",
    "profiling",
    "proxy_protocol_authorized_addrs",
    "proxy_protocol_behavior",
    "redact_addresses",
    "redact_cluster_name",
    "redact_version",
    "require_request_header",
    "role",
    "telemetry",
    "tls_cipher_suites",
    "tls_max_version",
    "tls_prefer_server_cipher_suites",
    "x_forwarded_for_authorized_addrs",
    "x_forwarded_for_client_cert_header",
    "x_forwarded_for_client_cert_header_decoders",
    "x_forwarded_for_hop_skips",
    "x_forwarded_for_reject_not_authorized",
    "x_forwarded_for_reject_not_present",
];

pub(crate) const TELEMETRY: Known = &["address", "tls_disable"];

pub(crate) const TELEMETRY_UNUSED: Known = &[
    "add_lease_metrics_namespace_labels",
    "add_mount_point_rollback_metrics",
    "circonus_api_app",
    "circonus_api_token",
    "circonus_api_url",
    "circonus_broker_id",
    "circonus_broker_select_tag",
    "circonus_check_display_name",
    "circonus_check_force_metric_activation",
    "circonus_check_id",
    "circonus_check_instance_id",
    "circonus_check_search_tag",
    "circonus_check_tags",
    "circonus_submission_interval",
    "circonus_submission_url",
    "disable_hostname",
    "dogstatsd_addr",
    "dogstatsd_tags",
    "enable_hostname_label",
    "filter_default",
    "lease_metrics_epsilon",
    "maximum_gauge_cardinality",
    "metrics_prefix",
    "num_lease_metrics_buckets",
    "prefix_filter",
    "prometheus_retention_time",
    "stackdriver_debug_logs",
    "stackdriver_location",
    "stackdriver_namespace",
    "stackdriver_project_id",
    "statsd_address",
    "statsite_address",
    "usage_gauge_period",
];

pub(crate) const SLED: Known = &["path"];

pub(crate) const AUDIT: Known = &["keep", "options", "path", "required", "rotate_bytes", "sync", "type"];
pub(crate) const AUDIT_UNUSED: Known = &["description", "local"];
pub(crate) const AUDIT_OPTIONS: Known = &["file_path", "format", "log_raw", "path"];
pub(crate) const AUDIT_OPTIONS_UNUSED: Known =
    &["elide_list_responses", "hmac_accessor", "mode", "prefix", "skip_test"];

pub(crate) const SEAL: Known = &["current_key", "current_key_id", "disabled", "previous_key", "previous_key_id"];

pub(crate) const NONE: Known = &[];
