#pragma once

#include <cstdint>

/// Bugs on purpose. One program of the tests is built with them and switches
/// them on, one at a time, to prove that the tests see them: the table is in
/// docs/reliability.md. Everywhere else they are not compiled.
namespace kvs::storage {

enum class planted_bug : std::uint8_t {
  // In storage/.
  skip_manifest_sync,
  skip_directory_sync,
  skip_tail_sync,
  trust_page_cache,
  ignore_durable_to,
  trust_hint,
  trust_length,
  trust_value,
  halve_batch,
  reuse_sequence,
  drop_tombstone_early,
  drop_expired_shadow,
  move_without_comparing,
  forget_flush,
  believe_old_checkpoint,
  believe_wall_clock,
  keep_failed_write,
  // In actors/.
  acknowledge_early,
  skip_log_sync,
  retry_sync,
  retire_before_sync,
  unlink_before_manifest,
  forget_reported_time,
  coalesce_without_batch,
};

#ifdef KVS_PLANTED_BUGS
bool is_planted(planted_bug which) noexcept;
#else
constexpr bool is_planted(planted_bug) noexcept {
  return false;
}
#endif

} // namespace kvs::storage
