// What an import leaves out, and why.

#pragma once

#include "apps/client/import_writer.hpp"
#include "apps/client/session.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kvs::apps {

/// Counts what is not imported by rule, and keeps what is damaged.
class import_report {
public:
  /// Keys whose time was over before they were read.
  std::uint64_t expired{0};
  /// Keys that were erased while a live server was copied.
  std::uint64_t vanished{0};
  /// Files that the other store had marked for deletion.
  std::uint64_t dead_files{0};
  /// By name of the type, keys that are no strings.
  std::map<std::string, std::uint64_t> other_types;
  /// By number of the database, keys that nobody asked for.
  std::map<std::uint64_t, std::uint64_t> other_databases;

  /// Prints where the file is damaged to stderr.
  void add_damage(import_writer& writer, const std::string& file,
                  std::uint64_t offset, const std::string& reason);

  /// Waits for all answers, prints what was left out to stderr and, if asked
  /// for, everything as JSON. Returns the exit code: leaving out by rule is no
  /// failure, damage and refused keys are.
  int finish(session& node, import_writer& writer) const;

private:
  struct damage {
    std::string file;
    std::uint64_t offset{0};
    std::string reason;
  };

  void print_left_out() const;
  void print_as_json(const import_writer& writer) const;

  std::uint64_t damage_count_{0};
  /// The first of them.
  std::vector<damage> damages_;
};

} // namespace kvs::apps
