// What is compared after a schedule, and with what.

#include "storage/restore.hpp"
#include "tests/actors/schedule_fixture.hpp"
#include "tests/storage/mini_store.hpp"

#include <algorithm>

namespace kvs::actors {

using storage::testing::mini_store;

/// Every request is settled, once, by what some order of the writes gives.
void schedule_fixture::check_answers() {
  for (const auto& [id, each] : requests_) {
    ASSERT_EQ(each.answers, 1u) << "request " << id;
    if (each.what == request::kind::read)
      check_read(each);
    else if (each.what == request::kind::write)
      check_number(each);
  }
}

void schedule_fixture::check_read(const request& each) {
  if (each.reply.code != outcome::ok) {
    ASSERT_EQ(each.reply.code, outcome::shutting_down);
    return;
  }
  model_state state;
  auto is_possible = false;
  auto was_told_expired = storage::timestamp_ms{0};
  auto look = [&](storage::sequence_number reached) {
    if (reached < each.at_least)
      return;
    auto found = state.find(each.key);
    if (each.reply.applied) {
      is_possible = is_possible
                    || (found != state.end()
                        && found->second.version == each.reply.version
                        && found->second.value == each.value);
      return;
    }
    if (found == state.end()) {
      is_possible = true;
      was_told_expired = 0;
      return;
    }
    auto expires_at = found->second.expires_at;
    if (expires_at == 0 || expires_at > each.answered_at)
      return;
    // The answer may rest on any of the versions that explain it.
    was_told_expired
      = is_possible ? std::min(was_told_expired, expires_at) : expires_at;
    is_possible = true;
  };
  look(0);
  for (const auto& [version, step] : history_.steps()) {
    apply(state, step);
    look(version);
  }
  EXPECT_TRUE(is_possible) << each.key << " was said to be "
                           << (each.reply.applied ? each.value : "absent")
                           << " in version " << each.reply.version << " at "
                           << each.answered_at << ", from " << each.at_least
                           << " on\n"
                           << history_.text_from(0);
  if (!each.is_posthumous)
    told_expired_ = std::max(told_expired_, was_told_expired);
}

/// What an increment has answered is what all before it add up to.
void schedule_fixture::check_number(const request& each) {
  if (each.step.version == 0 || each.step.changes.size() != 1
      || each.step.changes[0].what != model_change::kind::increment)
    return;
  auto state = history_.state_at(each.step.version);
  EXPECT_EQ(state[each.step.changes[0].key].value,
            std::to_string(each.reply.number));
}

/// What was read back is a prefix of the log, and long enough.
void schedule_fixture::check_contents() {
  std::map<std::string, std::string> found;
  std::map<std::string, storage::sequence_number> versions;
  for (const auto& key : all_keys())
    if (auto value = value_of(key); value != "<absent>") {
      found[key] = value;
      versions[key] = told->answers.back().version;
    }
  auto reached = history_.prefix_of(found, versions, survived_, clock->time);
  if (!reached) {
    FAIL() << "no prefix of the log from " << survived_ << " on looks like\n"
           << text_of(found) << "\n"
           << history_.text_from(survived_);
  }
  history_.cut_behind(std::max(*reached, survived_));
  survived_ = newest_answered({});
  caf_compat::tell_anon(writer, count_at_cut{session, {next_id_, 0}});
  run_actors();
  std::int64_t count = 0;
  for (const auto& each : told->answers)
    if (each.ref.id == next_id_)
      count += each.number;
  ++next_id_;
  EXPECT_EQ(count, static_cast<std::int64_t>(found.size()));
}

/// A backup that was answered is whole, and holds exactly what was written up
/// to the version that it has told.
void schedule_fixture::check_backups() {
  for (const auto& [directory, version] : backups_) {
    auto to = "/restored" + directory;
    auto restored
      = storage::restore_backup(files, directory, to, clock->time, {});
    ASSERT_TRUE(restored) << to_string(restored.error());
    mini_store::options how;
    how.directory = to;
    how.now = clock->time;
    auto opened = mini_store::open(files, how);
    ASSERT_TRUE(opened) << to_string(opened.error());
    // Nothing can be told of later keys.
    EXPECT_EQ(*(*opened)->all(),
              visible(history_.state_at(version), clock->time))
      << directory;
  }
  backups_.clear();
}

} // namespace kvs::actors
