#include "tests/actors/schedule_fixture.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace kvs::actors {
namespace {

using test_support::crash_policy;

/// Small, so that a few dozen writes fill several.
constexpr std::uint64_t segment_bytes = 4 * storage::kibibyte;

constexpr unsigned string_count = 6;
constexpr unsigned number_count = 2;
constexpr unsigned mortal_count = 3;

bool touches(const model_step& step, const std::string& key) {
  return step.flushes
         || std::any_of(step.changes.begin(), step.changes.end(),
                        [&](const auto& each) { return each.key == key; });
}

} // namespace

std::vector<std::string> schedule_fixture::all_keys() {
  std::vector<std::string> keys;
  for (auto [prefix, count] :
       {std::pair{"s", string_count}, {"n", number_count}, {"m", mortal_count}})
    for (unsigned number = 0; number < count; ++number)
      keys.push_back(prefix + std::to_string(number));
  return keys;
}

void schedule_fixture::run_schedule(std::uint64_t seed) {
  begin_schedule(seed);
  constexpr std::array endings
    = {ending::power_cut, ending::power_cut, ending::kill, ending::stop};
  for (auto lives = 1 + pick(2); lives > 0 && !HasFatalFailure(); --lives)
    live(endings[pick(endings.size())]);
  if (HasFatalFailure())
    return;
  open(mode_, 1 + pick(3), segment_bytes);
  check_contents();
  close();
  let_timers_expire();
  forget_operations();
}

void schedule_fixture::begin_schedule(std::uint64_t seed) {
  random_.seed(seed);
  constexpr std::array modes
    = {sync_mode::always, sync_mode::interval, sync_mode::none};
  mode_ = modes[pick(modes.size())];
  files = test_support::memory_file_system::make();
  // A new store would draw the seed of its hash, which decides who is asked.
  storage::manifest fresh;
  fresh.store_id = seed;
  fresh.hash_seed = random_();
  fresh.next_segment = storage::segment_id{1};
  ASSERT_TRUE(files->create_directory("/store"));
  ASSERT_TRUE(storage::write_manifest(*files, "/store", fresh));
  clock->time = 1'000'000;
  next_id_ = 1;
  resident_bytes_max = pick(2) == 0 ? 0 : 16 * segment_bytes;
  history_ = {};
  requests_.clear();
  survived_ = 0;
  told_expired_ = 0;
  backups_.clear();
}

void schedule_fixture::live(ending how) {
  told = std::make_shared<session_log>();
  requests_.clear();
  answers_taken_ = 0;
  figures_taken_ = 0;
  // The wall clock may have been set back while nobody looked.
  if (pick(4) == 0)
    clock->time -= std::min<storage::timestamp_ms>(clock->time, 5'000);
  open(mode_, 1 + pick(3), segment_bytes);
  ASSERT_GE(clock->time, told_expired_);
  check_contents();
  for (auto left = 20 + pick(60); left > 0; --left) {
    act();
    run_some();
  }
  end_life(how);
}

void schedule_fixture::act() {
  auto choice = pick(100);
  if (choice < 60)
    act_on_strings();
  else if (choice < 72)
    act_on_numbers();
  else if (choice < 82)
    act_on_mortals();
  else
    act_on_the_store();
}

void schedule_fixture::act_on_strings() {
  using kind = model_change::kind;
  auto key = any_key("s", string_count);
  switch (pick(10)) {
    case 0:
      send_write({kind::erase, key, {}, 0});
      return;
    case 1:
      send_write({kind::append, key, "+" + std::to_string(next_id_), 0});
      return;
    case 2: {
      request batch;
      batch.what = request::kind::write;
      auto value = fresh_value();
      for (const auto& each : std::set<std::string>{
             key, any_key("s", string_count), any_key("s", string_count)})
        batch.step.changes.push_back(
          {pick(4) == 0 ? kind::erase : kind::put, each, value, 0});
      send(batch);
      return;
    }
    default:
      send_write({kind::put, key, fresh_value(), 0});
  }
}

void schedule_fixture::act_on_numbers() {
  using kind = model_change::kind;
  auto key = any_key("n", number_count);
  send_write({pick(8) == 0 ? kind::erase : kind::increment, key, "1", 0});
}

void schedule_fixture::act_on_mortals() {
  using kind = model_change::kind;
  auto key = any_key("m", mortal_count);
  auto chosen = pick(8);
  if (chosen == 0)
    send_write({kind::erase, key, {}, 0});
  else
    send_write({kind::put, key, fresh_value(),
                chosen < 6 ? clock->time + 1 + pick(3000) : 0});
}

void schedule_fixture::act_on_the_store() {
  auto choice = pick(18);
  if (choice < 8) {
    request read;
    read.what = request::kind::read;
    auto keys = all_keys();
    read.key = keys[pick(static_cast<unsigned>(keys.size()))];
    send(read);
  } else if (choice < 12) {
    caf_compat::tell_anon(compactor, compact_store{session, {next_id_++, 0}});
  } else if (choice == 12) {
    request flush;
    flush.what = request::kind::write;
    flush.step.flushes = true;
    send(flush);
  } else if (choice == 13) {
    request backup;
    backup.what = request::kind::backup;
    send(backup);
  } else if (choice == 14) {
    files->resident(pick(2) == 0);
  } else if (choice == 15) {
    request sync;
    send(sync);
  } else {
    auto passed = 1 + pick(1500);
    clock->time += passed;
    let_time_pass(std::chrono::milliseconds{passed});
  }
}

std::uint64_t schedule_fixture::send_write(model_change change) {
  request write;
  write.what = request::kind::write;
  write.step.changes.push_back(std::move(change));
  return send(write);
}

/// Sends it the way the CONNECTION would.
std::uint64_t schedule_fixture::send(request what) {
  using kind = model_change::kind;
  auto id = next_id_++;
  if (what.what == request::kind::read) {
    what.at_least = newest_answered(what.key);
    read(session, id, what.key);
  } else if (what.what == request::kind::backup) {
    what.at_least = newest_answered({});
    what.key = "/backups/" + std::to_string(id);
    make_backup message{session, {id, 0}, what.key, {}, pick(2) == 0};
    if (!backups_.empty() && pick(2) == 0)
      message.earlier = backups_.rbegin()->first;
    caf_compat::tell_anon(archivist, message);
  } else if (what.what == request::kind::other) {
    caf_compat::tell_anon(writer, sync_now{session, {id, 0}});
  } else if (what.step.flushes) {
    caf_compat::tell_anon(writer, flush_store{session, {id, 0}});
  } else if (what.step.changes.size() > 1) {
    std::vector<operation> operations;
    for (const auto& each : what.step.changes)
      operations.push_back(make(
        each.what == kind::erase ? operation_kind::erase : operation_kind::put,
        id, each.key, each.what == kind::erase ? "" : each.value));
    append_batch_of(session, id, operations);
  } else {
    const auto& change = what.step.changes.front();
    constexpr std::array kinds
      = {operation_kind::put, operation_kind::erase, operation_kind::append,
         operation_kind::increment};
    auto op = make(kinds[static_cast<std::size_t>(change.what)], id, change.key,
                   change.value);
    op.delta = 1;
    op.expires_at = change.expires_at;
    if (change.what == kind::put)
      caf_compat::tell_anon(writer, append_batch{session, {op}, {}});
    else
      evaluate(session, op);
  }
  requests_[id] = std::move(what);
  return id;
}

/// Of a key, or of all.
storage::sequence_number
schedule_fixture::newest_answered(const std::string& key) const {
  auto newest = survived_;
  for (const auto& [version, step] : history_.steps())
    if (key.empty() || touches(step, key))
      newest = std::max(newest, version);
  return newest;
}

std::string schedule_fixture::any_key(const char* prefix, unsigned count) {
  return prefix + std::to_string(pick(count));
}

std::string schedule_fixture::fresh_value() {
  return "v" + std::to_string(next_id_) + std::string(pick(600), '.');
}

/// Nobody knows who comes next.
void schedule_fixture::run_some() {
  for (auto left = pick(12); left > 0 && run_random_actor(random_); --left)
    ;
  take_answers();
}

void schedule_fixture::take_answers() {
  for (; answers_taken_ < told->answers.size(); ++answers_taken_) {
    const auto& reply = told->answers[answers_taken_];
    auto found = requests_.find(reply.ref.id);
    if (found == requests_.end())
      continue;
    auto& each = found->second;
    ++each.answers;
    each.reply = reply;
    // No disk fails here, so only the end of a life refuses anything.
    EXPECT_TRUE(reply.code == outcome::ok || is_closing_)
      << "request " << reply.ref.id
      << " is refused: " << (reply.detail ? *reply.detail : "?");
    each.value = reply.stored == nullptr ? told->values[reply.ref.id]
                                         : value_at(*reply.stored);
    each.answered_at = clock->time;
    each.is_posthumous = is_dead_;
    if (each.what == request::kind::write && reply.code == outcome::ok
        && reply.applied) {
      each.step.version = reply.version;
      history_.add(each.step);
    }
  }
  for (; figures_taken_ < told->figures.size(); ++figures_taken_) {
    const auto& figures = told->figures[figures_taken_];
    auto found = requests_.find(figures.ref.id);
    if (found == requests_.end())
      continue;
    ++found->second.answers;
    backups_[found->second.key] = figures.figures.back().second;
    EXPECT_GE(figures.figures.back().second, found->second.at_least);
  }
}

void schedule_fixture::end_life(ending how) {
  take_answers();
  auto must_survive = newest_answered({});
  if (how == ending::power_cut && mode_ != sync_mode::always)
    must_survive
      = std::min(must_survive, std::max(survived_, told->durable_version));
  auto answered_backups = backups_;
  auto left = files;
  if (how == ending::power_cut)
    left = files->crash(test_support::all_crash_policies[pick(
                          std::size(test_support::all_crash_policies))],
                        random_());
  else if (how == ending::kill)
    left = files->restart();
  // What was on its way is decided by now; this tells what it has become.
  files->resident(true);
  is_closing_ = true;
  is_dead_ = how != ending::stop;
  close();
  take_answers();
  is_closing_ = false;
  is_dead_ = false;
  check_answers();
  if (how == ending::stop) {
    must_survive = newest_answered({});
    answered_backups = backups_;
  }
  files = left;
  files->resident(true);
  survived_ = must_survive;
  backups_ = answered_backups;
  check_backups();
}

} // namespace kvs::actors
