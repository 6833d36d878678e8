// Goal: the same for the calls of the operating system: whichever of them
// fails, is interrupted, or does only a part of what it was asked for, a store
// in real files keeps its promises. Interruptions and parts nobody notices.
//
// Method: this program defines the calls itself and passes them on.

#include "tests/simulation/seeded_random.hpp"
#include "tests/simulation/world.hpp"
#include "tests/support/proof.hpp"

#include <gtest/gtest.h>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <iostream>

namespace {

enum class call { open, read, write, sync, resize, names };

/// A part of the bytes instead of an error.
constexpr int partly = -1;

struct planned_trouble {
  std::uint64_t in_calls = 0;
  int what = 0;
  bool for_ever = false;
  bool has_happened = false;
} trouble;

bool can_happen(call kind) {
  switch (trouble.what) {
    case partly:
      return kind == call::read || kind == call::write;
    case EINTR:
      return kind != call::sync && kind != call::names;
    case ENOSPC:
      return kind == call::write || kind == call::resize || kind == call::names;
    case EMFILE:
      return kind == call::open;
    default:
      return true;
  }
}

/// 0, or what goes wrong with this call.
int next_trouble(call kind) {
  if (trouble.in_calls == 0 || !can_happen(kind))
    return 0;
  if (trouble.in_calls > 1) {
    --trouble.in_calls;
    return 0;
  }
  // Interrupted for ever, nothing would ever end: every second time.
  const bool again = trouble.for_ever && trouble.what != EINTR;
  if (trouble.for_ever && trouble.what == EINTR)
    trouble.in_calls = 2;
  else if (trouble.has_happened && !again)
    return 0;
  trouble.has_happened = true;
  return trouble.what;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int refuse(int why) {
  errno = why;
  return -1;
}

template <class Result, class... Arguments>
Result pass(call kind, const char* name, Arguments... arguments) {
  if (const int wrong = next_trouble(kind); wrong > 0)
    return static_cast<Result>(refuse(wrong));
  return real<Result(Arguments...)>(name)(arguments...);
}

} // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = static_cast<mode_t>(va_arg(more, unsigned));
  va_end(more);
  if (const int wrong = next_trouble(call::open); wrong > 0)
    return refuse(wrong);
  return real<int(const char*, int, ...)>("open")(path, flags, mode);
}

DIR* opendir(const char* path) {
  if (const int wrong = next_trouble(call::open); wrong > 0) {
    errno = wrong;
    return nullptr;
  }
  return real<DIR*(const char*)>("opendir")(path);
}

ssize_t pread(int file, void* to, std::size_t size, off_t at) {
  const int wrong = next_trouble(call::read);
  if (wrong > 0)
    return refuse(wrong);
  if (wrong == partly)
    size = (size + 1) / 2;
  return real<ssize_t(int, void*, std::size_t, off_t)>("pread")(file, to, size,
                                                                at);
}

ssize_t pwritev(int file, const iovec* parts, int count, off_t at) {
  const int wrong = next_trouble(call::write);
  if (wrong > 0)
    return refuse(wrong);
  iovec first{parts[0].iov_base, (parts[0].iov_len + 1) / 2};
  if (wrong == partly) {
    parts = &first;
    count = 1;
  }
  return real<ssize_t(int, const iovec*, int, off_t)>("pwritev")(file, parts,
                                                                 count, at);
}

// Waiting for the disk proves nothing here.
int fdatasync(int) {
  const int wrong = next_trouble(call::sync);
  return wrong > 0 ? refuse(wrong) : 0;
}
int fsync(int) {
  const int wrong = next_trouble(call::sync);
  return wrong > 0 ? refuse(wrong) : 0;
}

int ftruncate(int file, off_t size) {
  return pass<int>(call::resize, "ftruncate", file, size);
}
int rename(const char* from, const char* to) {
  return pass<int>(call::names, "rename", from, to);
}
int unlink(const char* path) {
  return pass<int>(call::names, "unlink", path);
}

} // extern "C"

namespace kvs::simulation {
namespace {

using storage::testing::contents;
using storage::testing::mini_store;

constexpr std::size_t steps_per_life = 40;

class PosixErrorTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "kvs-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    trouble = {};
    std::filesystem::remove_all(folder_);
  }

  mini_store::options options() const {
    mini_store::options chosen;
    chosen.directory = folder_ + "/store";
    chosen.now = first_start;
    return chosen;
  }

  /// What happens to the states of `expected`; nullopt: a step has failed.
  static bool write(mini_store& store, const step& what, oracle& expected) {
    storage::result<storage::ok> done = storage::ok{};
    if (what.what == step_kind::rotate)
      return bool{store.rotate()};
    if (what.what == step_kind::compact)
      return bool{store.compact(true)};
    if (what.what == step_kind::sync)
      return bool{store.sync()};
    if (what.what > step_kind::batch)
      return true;
    expected.attempt(change_of(what, store.now()));
    if (what.what == step_kind::batch)
      done = store.batch(what.changes);
    else if (what.what == step_kind::erase)
      done = store.erase(what.changes.front().key);
    else
      done = store.put(what.changes.front().key, *what.changes.front().value,
                       expiry_of(what, store.now()));
    if (done)
      expected.is_acknowledged(expected.newest_number());
    return bool{done};
  }

  /// False: the trouble was over before it began.
  bool live(const planned_trouble& planned, bool must_succeed) {
    const auto files = storage::posix_file_system();
    std::filesystem::remove_all(folder_ + "/store");
    oracle expected;
    trouble = planned;
    bool went_well = false;
    if (auto opened = mini_store::open(files, options())) {
      went_well = true;
      for (const step& next :
           make_script(profiles()[0], planned.in_calls % 3, steps_per_life))
        if (went_well)
          went_well = write(**opened, next, expected);
    }
    const bool happened = trouble.has_happened;
    trouble = {};
    EXPECT_TRUE(went_well || !must_succeed) << "somebody has noticed";
    auto again = mini_store::open(files, options());
    EXPECT_TRUE(again) << to_string(again.error());
    if (!again)
      return false;
    const auto found = (*again)->all();
    EXPECT_TRUE(
      found && expected.find(*found, expected.acknowledged(), (*again)->now()));
    return happened;
  }

  void fail_each_call(int what, bool must_succeed) {
    const auto skip
      = std::max<std::uint64_t>(1, 100 / test_support::amount(100));
    std::uint64_t lives = 0;
    for (const bool for_ever : {false, true}) {
      const auto only = test_support::only_step();
      for (std::uint64_t nth = only.value_or(1);; nth += skip) {
        ++lives;
        const bool happened = live({nth, what, for_ever, false}, must_succeed);
        if (HasFailure()) {
          ADD_FAILURE() << "error " << what
                        << (for_ever ? " for ever; " : " once; ")
                        << test_support::how_to_repeat(0, nth);
          return;
        }
        if (!happened || only)
          break;
      }
    }
    std::cout << "[ COUNTS   ] lives " << lives << std::endl;
  }

private:
  std::string folder_;
};

TEST_F(PosixErrorTest, NobodyNoticesInterruptions) {
  fail_each_call(EINTR, true);
}

TEST_F(PosixErrorTest, NobodyNoticesShortReadsAndWrites) {
  fail_each_call(partly, true);
}

TEST_F(PosixErrorTest, AFailedCallBreaksNoPromise) {
  fail_each_call(EIO, false);
}

TEST_F(PosixErrorTest, AFullDiskBreaksNoPromise) {
  fail_each_call(ENOSPC, false);
}

TEST_F(PosixErrorTest, ALackOfDescriptorsBreaksNoPromise) {
  fail_each_call(EMFILE, false);
}

} // namespace
} // namespace kvs::simulation
