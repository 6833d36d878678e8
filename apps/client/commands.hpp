// The commands that are one question and its answer.

#pragma once

#include "apps/client/session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kvs::apps {

// Every function returns an exit code, prints results to stdout and the
// reason of a failure to stderr.

struct set_options {
  std::string key;
  /// "-" reads the value from stdin.
  std::optional<std::string> value;
  /// Reads the value from this file instead.
  std::optional<std::string> value_file;
  /// Life of the key; 0 means for ever.
  double ttl_seconds{0};
  bool if_absent{false};
  bool if_present{false};
};

struct get_options {
  std::string key;
  /// Print the value without a newline behind it.
  bool raw{false};
};

struct increment_options {
  std::string key;
  std::int64_t delta{1};
};

struct append_options {
  std::string key;
  std::string value;
};

struct expire_options {
  std::string key;
  double ttl_seconds{0};
};

struct compare_options {
  std::string key;
  /// 0 means "is absent".
  std::uint64_t version{0};
  std::string value;
};

struct scan_options {
  std::string prefix;
};

struct flush_options {
  /// Do not ask.
  bool yes{false};
};

struct backup_options {
  std::string to;
  std::string earlier;
  bool copies{false};
};

int run_set(session& node, const set_options& options);
int run_get(session& node, const get_options& options);
int run_mget(session& node, const std::vector<std::string>& keys);
int run_rm(session& node, const std::string& key);
int run_exists(session& node, const std::string& key);
int run_incr(session& node, const increment_options& options);
int run_append(session& node, const append_options& options);
int run_ttl(session& node, const std::string& key);
int run_expire(session& node, const expire_options& options);
int run_persist(session& node, const std::string& key);
int run_cas(session& node, const compare_options& options);
int run_batch(session& node, const std::string& file);

int run_scan(session& node, const scan_options& options);
int run_count(session& node);
int run_stats(session& node);
int run_sync(session& node);
int run_compact(session& node);
int run_backup(session& node, const backup_options& options);
int run_flush(session& node, const flush_options& options);
int run_ping(session& node);

} // namespace kvs::apps
