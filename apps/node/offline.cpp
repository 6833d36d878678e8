#include "apps/node/offline.hpp"

#include "apps/node/exit_codes.hpp"
#include "apps/node/recovery_display.hpp"
#include "storage/clock.hpp"
#include "storage/restore.hpp"
#include "storage/salvage.hpp"
#include "storage/verify.hpp"

#include <cstdio>
#include <vector>

namespace kvs::apps {
namespace {

int refuse(const storage::error& why) {
  std::fprintf(stderr, "kvs-node: %s\n", storage::to_string(why).c_str());
  switch (why.code) {
    case storage::errc::not_found:
      return exit_no_input;
    case storage::errc::locked:
    case storage::errc::unusable_directory:
      return exit_cannot_create;
    default:
      return exit_io;
  }
}

void print(const char* word, const std::vector<storage::damage>& damages) {
  for (const auto& each : damages)
    std::printf("%s %s\n", word, storage::to_string(each).c_str());
}

void print(const std::vector<std::string>& notes) {
  for (const auto& each : notes)
    std::printf("note %s\n", each.c_str());
}

} // namespace

int run(const verify_command& command) {
  recovery_display display{"verifying"};
  auto files = storage::posix_file_system();
  auto tell
    = [&](const storage::recovery_progress& now) { display.update(now); };
  // A store has no listing, and a backup nothing else to begin with.
  const bool is_backup
    = static_cast<bool>(files->status(command.directory + "/BACKUP"));
  auto done = is_backup
                ? storage::verify_backup(*files, command.directory, tell)
                : storage::verify_store(*files, command.directory, tell);
  display.finish();
  if (!done)
    return refuse(done.error());
  print("damaged", done->damages);
  print(done->notes);
  std::printf("verified segments=%llu records=%llu bytes=%llu damages=%zu\n",
              static_cast<unsigned long long>(done->segments),
              static_cast<unsigned long long>(done->records),
              static_cast<unsigned long long>(done->bytes),
              done->damages.size());
  return done->damages.empty() ? exit_ok : exit_io;
}

int run(const salvage_command& command) {
  recovery_display display{"salvaging"};
  auto done = storage::salvage_store(
    storage::posix_file_system(), command.directory, command.to,
    [&](const storage::recovery_progress& now) { display.update(now); });
  display.finish();
  if (!done)
    return refuse(done.error());
  print("lost", done->lost);
  print(done->notes);
  std::printf("salvaged segments=%llu records=%llu lost=%zu\n",
              static_cast<unsigned long long>(done->segments),
              static_cast<unsigned long long>(done->records),
              done->lost.size());
  return done->lost.empty() ? exit_ok : exit_incomplete;
}

int run(const restore_command& command) {
  recovery_display display{"restoring"};
  auto done = storage::restore_backup(
    storage::posix_file_system(), command.backup, command.to,
    storage::wall_clock_now(),
    [&](const storage::recovery_progress& now) { display.update(now); });
  display.finish();
  if (!done)
    return refuse(done.error());
  std::printf("restored segments=%llu records=%llu bytes=%llu\n",
              static_cast<unsigned long long>(done->segments),
              static_cast<unsigned long long>(done->records),
              static_cast<unsigned long long>(done->bytes));
  return exit_ok;
}

} // namespace kvs::apps
