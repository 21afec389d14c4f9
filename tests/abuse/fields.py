"""The names of all fields that some row takes, for bodies that are meant to be wrong."""

FIELDS = """accessor allowed_policies audience audiences bind_secret_id capabilities cas cas_required cidr_list config custom_metadata
data default_lease_ttl delete_version_after depth description display_name entity_alias explicit_max_ttl force_no_cache id increment input
jti key lease max_lease_ttl max_versions meta metadata migrate no_default_policy no_parent num_uses options path paths period pgp_keys policies
policy renewable reset role_id role_name rules secret_id secret_id_accessor secret_id_num_uses secret_id_ttl secret_shares secret_threshold
token token_bound_cidrs token_explicit_max_ttl token_max_ttl token_no_default_policy token_num_uses token_period token_policies token_ttl
token_type ttl type version versions""".split()
