// What kvs-node does to a store without serving it.

#pragma once

#include <string>

namespace kvs::apps {

/// `kvs-node verify DIR`, of a store or a backup
struct verify_command {
  std::string directory;
};

/// `kvs-node salvage DIR --to NEWDIR`
struct salvage_command {
  std::string directory;
  std::string to;
};

/// `kvs-node restore BACKUP --to DIR`
struct restore_command {
  std::string backup;
  std::string to;
};

/// All print what they find to stdout, one line each, and what keeps them from
/// it to stderr. They return the exit code.
int run(const verify_command& command);
int run(const salvage_command& command);
int run(const restore_command& command);

} // namespace kvs::apps
