// Moving whole files into and out of a store.

#pragma once

#include "apps/client/session.hpp"

#include <cstdint>
#include <string>

namespace kvs::apps {

/// Writes every line of the JSON Lines file `file` ("-" is stdin) to the
/// store. Requests are pipelined, so lines on different keys may take effect
/// in another order; lines on one key take effect in the order of the file.
///
/// Returns an exit code. A line that is wrong or refused is named on stderr by
/// its number, the others are still written, and the code is `exit_failed`. A
/// lost connection ends the import at once; it is never resumed silently.
int run_import(session& node, const std::string& file);

// The other imports write as `run_import` does and end with a report: what was
// left out, on stderr, and everything as JSON if that is asked for. Leaving
// out by rule is no failure; damage and refused keys are `exit_failed`.

/// Writes the strings of one database of a snapshot of Redis ("-" is stdin)
/// with what is left of their time. Left out: other types, other databases,
/// keys whose time is over. Damage is named by its offset and ends the reading.
int run_import_rdb(session& node, const std::string& file,
                   std::uint64_t database);

struct redis_source {
  /// HOST:PORT
  std::string address;
  /// Empty: the default user. The password is in the environment.
  std::string user;
  std::uint64_t database{0};
};

/// Copies the strings of one database of a running Redis with what is left of
/// their time. What is written to it meanwhile may be copied or not. Left out:
/// other types and keys that go away meanwhile.
int run_import_redis(session& node, const redis_source& source);

/// Writes the living keys of a directory of Bitcask, which nobody else may use
/// meanwhile. Damaged records are named by their files and offsets, the others
/// are written. Left out: files that Bitcask has marked for deletion.
int run_import_bitcask(session& node, const std::string& directory);

/// Writes every key of the store to `file` ("-" is stdout) as JSON Lines. What
/// changes during the export may be in it or not; a key may appear twice, with
/// the same or a later value.
///
/// Returns an exit code. An incomplete file keeps the name `file`.partial.
int run_export(session& node, const std::string& file);

} // namespace kvs::apps
