// Goal: a backup costs the store little, whatever becomes of it
// (docs/backup.md).

#include "storage/restore.hpp"
#include "tests/actors/store_fixture.hpp"

#include <algorithm>
#include <random>

namespace kvs::actors {
namespace {

using test_support::disk_call;

class ArchivistTest : public store_fixture {
protected:
  /// Writes the keys with these numbers, a dozen per segment of 8 KiB.
  void fill(std::uint64_t first, std::uint64_t end) {
    for (auto key = first; key < end; ++key) {
      put(session, key, "key" + std::to_string(key), std::string(500, 'v'));
      run_actors();
    }
  }

  /// Nothing runs yet; returns its number.
  std::uint64_t ask_for(const archivist_actor& whom, const std::string& to,
                        const std::string& earlier = {}, bool copies = false) {
    auto id = next_id_++;
    caf_compat::tell_anon(whom,
                          make_backup{session, {id, 0}, to, earlier, copies});
    return id;
  }

  /// What the client is told; ok: there is a backup.
  outcome back_up(const std::string& to, const std::string& earlier = {}) {
    auto id = ask_for(archivist, to, earlier);
    run_actors();
    auto* refused = told->find(id);
    return refused == nullptr ? outcome::ok : refused->code;
  }

  void stop(const archivist_actor& whom) {
    caf::anon_send(whom, stop_archivist{});
    run_actors();
  }

  std::size_t count(const std::string& directory) const {
    return files->list(directory)->size();
  }

  /// Asks the CATALOG; no other actor may be waiting for the disk.
  template <class Reply, class Request>
  Reply ask_catalog(Request request) {
    caf::scoped_actor self{system};
    auto asked = caf_compat::ask(self.ptr(), catalog, std::move(request));
    run_actors();
    Reply found;
    asked.receive([&](const Reply& reply) { found = reply; },
                  [](const caf::error& why) { FAIL() << to_string(why); });
    return found;
  }

  bool retire(storage::segment_id id) {
    auto reply = ask_catalog<catalog_updated>(retire_segments{{id}});
    return reply.error.code == outcome::ok;
  }

  bool is_there(storage::segment_id id) const {
    return files->exists(
      "/store/" + storage::segment_file_name(id, storage::segment_kind::log));
  }

private:
  std::uint64_t next_id_ = 1'000'000;
};

// Goal: what can be refused is refused before a segment is sealed for it.
TEST_F(ArchivistTest, ARefusalChangesNothingOfTheStore) {
  open(sync_mode::none, 1, 8 * 1024);
  fill(0, 40);
  ASSERT_EQ(back_up("b"), outcome::ok);
  fill(40, 42);
  const auto generation = stored_manifest().generation;
  const auto changes = files->changes();
  EXPECT_EQ(back_up("b"), outcome::bad_argument);
  EXPECT_EQ(back_up("c", "none"), outcome::bad_argument);
  EXPECT_EQ(back_up("c.incomplete"), outcome::bad_argument);
  EXPECT_EQ(back_up("c", "b.incomplete"), outcome::bad_argument);
  EXPECT_EQ(stored_manifest().generation, generation);
  EXPECT_EQ(files->changes(), changes);
  EXPECT_EQ(back_up("c", "b"), outcome::ok);
}

// Goal: many who ask for one name get one backup and an answer each.
TEST_F(ArchivistTest, AnswersAllWhoAskForOneName) {
  open(sync_mode::none, 1, 8 * 1024);
  fill(0, 10);
  constexpr int asking = 20'000;
  for (int i = 0; i < asking; ++i)
    ask_for(archivist, "b");
  run_actors();
  EXPECT_EQ(told->figures.size(), 1u);
  EXPECT_EQ(std::count_if(told->answers.begin(), told->answers.end(),
                          [](const answer& each) {
                            return each.code == outcome::bad_argument;
                          }),
            asking - 1);
}

// Goal: no client makes the node write into its store, even if nobody has
// looked at the options.
TEST_F(ArchivistTest, MakesNoBackupInTheStore) {
  open(sync_mode::none, 1, 8 * 1024);
  fill(0, 10);
  for (const char* root : {"/store", "/store/backups", "/"}) {
    auto misled = spawn_archivist(
      system, {files, "/store", 0, root, clock, writer, catalog},
      caf_compat::on_scheduler);
    auto id = ask_for(misled, "MANIFEST.tmp");
    run_actors();
    ASSERT_NE(told->find(id), nullptr) << root;
    EXPECT_EQ(told->find(id)->code, outcome::bad_argument) << root;
    stop(misled);
  }
  EXPECT_FALSE(files->status("/store/MANIFEST.tmp"));
  EXPECT_FALSE(files->status("/store/MANIFEST.tmp.incomplete"));
}

// Goal: a stop waits for one segment at most, whatever the backup is doing.
TEST_F(ArchivistTest, AStopDoesNotWaitForABackup) {
  open(sync_mode::none, 1, 8 * 1024);
  fill(0, 200);
  close();
  constexpr std::uint64_t segments = 10;
  for (const std::size_t copied : {std::size_t{1}, std::size_t{segments}}) {
    open(sync_mode::none, 1, 8 * 1024);
    auto id = ask_for(archivist, "b", {}, true);
    // No file is anywhere but here: others are in /store.
    while (count("/backups/b.incomplete") < copied)
      ASSERT_TRUE(run_one_actor()) << "it is over already";
    const auto creates = files->calls(disk_call::create);
    const auto reads = files->calls(disk_call::read);
    stop(archivist);
    EXPECT_LE(files->calls(disk_call::create), creates + 1);
    EXPECT_LE(files->calls(disk_call::read), reads + 8);
    ASSERT_NE(told->find(id), nullptr);
    EXPECT_EQ(told->find(id)->code, outcome::shutting_down);
    EXPECT_FALSE(files->status("/backups/b"));
    EXPECT_FALSE(files->status("/backups/b.incomplete"));
    close();
  }
}

// Goal: compaction frees what a backup has taken already, and what it does not
// take at all.
TEST_F(ArchivistTest, HoldsOnlyWhatItStillHasToTake) {
  open(sync_mode::none, 1, 8 * 1024);
  fill(0, 100);
  ask_catalog<segments_held>(hold_segments{});
  const auto listed = ask_catalog<held_listed>(list_held{}).state.segments;
  ASSERT_GE(listed.size(), 4u);
  fill(100, 120);
  const auto later
    = storage::segment_id{static_cast<std::uint32_t>(listed.back().id) + 1};
  ASSERT_TRUE(is_there(later));
  ASSERT_TRUE(retire(later));
  EXPECT_FALSE(is_there(later)) << "the backup does not have it";

  ASSERT_TRUE(retire(listed[0].id));
  EXPECT_TRUE(is_there(listed[0].id)) << "it is still to be copied";
  caf_compat::tell_anon(catalog, release_segments{{listed[0].id}});
  run_actors();
  EXPECT_FALSE(is_there(listed[0].id));

  caf_compat::tell_anon(catalog, release_segments{{listed[1].id}});
  run_actors();
  EXPECT_TRUE(is_there(listed[1].id)) << "the store still has it";
  ASSERT_TRUE(retire(listed[1].id));
  EXPECT_FALSE(is_there(listed[1].id));

  ASSERT_TRUE(retire(listed[2].id));
  EXPECT_TRUE(is_there(listed[2].id));
  caf_compat::tell_anon(catalog, release_segments{});
  run_actors();
  EXPECT_FALSE(is_there(listed[2].id));
}

// Goal: while a backup copies, the store can give back what is copied.
TEST_F(ArchivistTest, LetsGoOfEachSegmentAsItIsTaken) {
  open(sync_mode::none, 1, 8 * 1024);
  fill(0, 400);
  ask_for(archivist, "b", {}, true);
  while (count("/backups/b.incomplete") < 2)
    ASSERT_TRUE(run_one_actor()) << "it is over already";
  caf::scoped_actor self{system};
  auto asked = caf_compat::ask(self.ptr(), catalog,
                               retire_segments{{storage::segment_id{1}}});
  // The ARCHIVIST always has mail; the CATALOG has its turns in between.
  std::mt19937_64 random{1};
  while (files->exists("/store/000001.log"))
    ASSERT_TRUE(run_random_actor(random));
  // It is not over yet.
  EXPECT_LT(count("/backups/b.incomplete"), 20u);
  EXPECT_TRUE(files->status("/backups/b.incomplete"));
  run_actors();
  asked.receive([](const catalog_updated&) {}, [](const caf::error&) {});
  auto verified = storage::verify_backup(*files, "/backups/b", {});
  ASSERT_TRUE(verified);
  EXPECT_TRUE(verified->damages.empty());
}

} // namespace
} // namespace kvs::actors
