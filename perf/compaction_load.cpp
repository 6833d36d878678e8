// Overwrites the keys of a store on a real disk and prints what compaction
// costs: bytes written per byte of keys and values, hint files and MANIFEST
// included, and the space that the store takes, at its highest and after the
// load has stopped. The store runs in this process, without the network: every
// byte is counted where it is handed to the operating system, and no client
// competes for the processor.
//
//   compaction_load DIRECTORY [uniform|zipf] [SEGMENT_MIB] [SEGMENTS] [ROUNDS]
//   default: uniform 16 64 2; DIRECTORY must not exist

#include "actors/asio_scheduler.hpp"
#include "actors/store.hpp"
#include "perf/counting_files.hpp"
#include "storage/record.hpp"

#include <caf/all.hpp>

#include <spdlog/spdlog.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <random>
#include <thread>

namespace {

using namespace kvs;
using namespace kvs::actors;

constexpr std::size_t value_bytes = 1000;
constexpr std::size_t key_bytes = 16;
constexpr std::uint64_t user_bytes = key_bytes + value_bytes;
constexpr std::uint64_t record_bytes = 24 + user_bytes;

/// Which key is written next.
class key_chooser {
public:
  key_chooser(std::uint32_t keys, bool is_zipf) : keys_{keys} {
    if (!is_zipf)
      return;
    below_.resize(keys);
    double sum = 0;
    for (std::uint32_t rank = 0; rank < keys; ++rank)
      below_[rank] = sum += std::pow(rank + 1, -0.99);
  }
  std::uint32_t operator()() {
    if (below_.empty())
      return static_cast<std::uint32_t>(random_() % keys_);
    std::uniform_real_distribution<double> anywhere{0, below_.back()};
    const auto found
      = std::lower_bound(below_.begin(), below_.end(), anywhere(random_));
    const auto rank = static_cast<std::uint64_t>(found - below_.begin());
    return scattered(
      static_cast<std::uint32_t>(std::min<std::uint64_t>(rank, keys_ - 1)));
  }
  /// Neighbours in rank are not neighbours in the order of loading.
  std::uint32_t scattered(std::uint32_t rank) const {
    return static_cast<std::uint32_t>(rank * 2'654'435'761ULL % keys_);
  }

private:
  std::uint32_t keys_;
  std::vector<double> below_;
  std::mt19937_64 random_{1};
};

/// Writes so many keys with a bounded number of requests in flight.
class loader final : public session_actor::base {
public:
  using chooser = std::function<std::uint32_t()>;
  loader(caf::actor_config& config, const store_access& store, chooser next,
         std::uint64_t count, std::shared_ptr<std::promise<bool>> done)
    : session_actor::base{config}, store_{store}, next_{std::move(next)},
      left_{count}, done_{std::move(done)} {
  }

  behavior_type make_behavior() override {
    for (int batch = 0; batch < batches_in_flight; ++batch)
      send_batch();
    return {
      [this](const operations_answered& message) {
        for (const auto& each : message.answers)
          if (each.code != outcome::ok)
            ++refused_;
        in_flight_ -= message.answers.size();
        while (left_ > 0
               && in_flight_ + batch_size <= batches_in_flight * batch_size)
          send_batch();
        if (left_ == 0 && in_flight_ == 0) {
          done_->set_value(refused_ == 0);
          quit();
        }
      },
      [](const keys_scanned&) {},
      [](const figures_collected&) {},
      [](const transaction_rejected&) {},
    };
  }

private:
  static constexpr std::size_t batch_size = 64;
  static constexpr int batches_in_flight = 8;

  void send_batch() {
    const auto count = std::min<std::uint64_t>(left_, batch_size);
    if (count == 0)
      return;
    auto memory = std::make_shared<std::vector<char>>(count * user_bytes, 'v');
    append_batch batch;
    batch.from = session_actor{this};
    for (std::uint64_t at = 0; at < count; ++at) {
      char* const key = memory->data() + at * user_bytes;
      char text[key_bytes + 1];
      std::snprintf(text, sizeof(text), "k%015u", next_());
      std::memcpy(key, text, key_bytes);
      operation op;
      op.ref.id = at;
      op.kind = operation_kind::put;
      op.key = {key, key_bytes};
      op.hash = (*store_.hash)(op.key);
      op.value = std::as_bytes(std::span{key + key_bytes, value_bytes});
      op.value_crc = storage::value_checksum(op.value);
      batch.operations.push_back(op);
    }
    batch.memory.add(memory_owner{memory});
    in_flight_ += count;
    left_ -= count;
    caf_compat::tell(this, store_.writer, std::move(batch));
  }

  store_access store_;
  chooser next_;
  std::uint64_t left_;
  std::uint64_t in_flight_ = 0;
  std::uint64_t refused_ = 0;
  std::shared_ptr<std::promise<bool>> done_;
};

struct settings {
  std::string directory;
  bool is_zipf = false;
  std::uint64_t segment_bytes = 16 * storage::mebibyte;
  std::uint64_t segments = 64;
  std::uint64_t rounds = 2;

  std::uint32_t keys() const {
    return static_cast<std::uint32_t>(segments * segment_bytes / record_bytes);
  }
};

class measurement {
public:
  explicit measurement(settings chosen)
    : chosen_{std::move(chosen)}, next_{chosen_.keys(), chosen_.is_zipf} {
    use_asio_scheduler(config_, 1);
    system_ = std::make_unique<caf::actor_system>(config_);
    store_options options;
    options.directory = chosen_.directory;
    options.sync = sync_mode::interval;
    options.segment_bytes = chosen_.segment_bytes;
    options.files = std::make_shared<perf::counting_files>(ledger_);
    auto made = spawn_store(*system_, std::move(options));
    if (!made) {
      std::fprintf(stderr, "%s\n", storage::to_string(made.error()).c_str());
      std::exit(74);
    }
    store_ = *std::move(made);
  }

  void run() {
    std::uint32_t rank = 0;
    write(chosen_.keys(), [&] { return next_.scattered(rank++); });
    report("loaded", 1);
    write(chosen_.rounds * chosen_.keys(), [this] { return next_(); });
    report("overwritten", chosen_.rounds);
    ledger_->forget_maxima();
    write(chosen_.rounds * chosen_.keys(), [this] { return next_(); });
    report("overwritten again", chosen_.rounds);
    for (int seconds : {2, 5, 10, 20, 40}) {
      std::this_thread::sleep_until(stopped_ + std::chrono::seconds{seconds});
      std::printf("%d s after the load: %s", seconds, space().c_str());
    }
    store_->stop();
  }

private:
  using clock = std::chrono::steady_clock;

  void write(std::uint64_t count, loader::chooser next) {
    before_ = ledger_->counts().written;
    const auto begin = clock::now();
    auto done = std::make_shared<std::promise<bool>>();
    auto reply = done->get_future();
    system_->spawn<loader>(store_->access(), std::move(next), count, done);
    if (!reply.get())
      std::puts("writes were refused");
    stopped_ = clock::now();
    seconds_ = std::chrono::duration<double>(stopped_ - begin).count();
  }

  void report(const char* what, std::uint64_t rounds) {
    const auto counts = ledger_->counts();
    const double user
      = static_cast<double>(rounds * chosen_.keys() * user_bytes);
    std::printf("%s: write amplification %.3f, %.0f MB/s, %s", what,
                static_cast<double>(counts.written - before_) / user,
                user / seconds_ / 1e6, space().c_str());
    std::printf("  beyond 1.5 times the live records at most %.2f segments, "
                "with reserved space %.2f\n",
                beyond(counts.held_max), beyond(counts.allocated_max));
    std::fflush(stdout);
  }

  double live() const {
    return static_cast<double>(chosen_.keys() * record_bytes);
  }
  double beyond(std::uint64_t bytes) const {
    return (static_cast<double>(bytes) - 1.5 * live())
           / static_cast<double>(chosen_.segment_bytes);
  }
  std::string space() const {
    const auto counts = ledger_->counts();
    char text[120];
    std::snprintf(text, sizeof(text),
                  "space %.3f of live records, %.3f with reserved space\n",
                  static_cast<double>(counts.held) / live(),
                  static_cast<double>(counts.allocated) / live());
    return text;
  }

  settings chosen_;
  key_chooser next_;
  std::shared_ptr<perf::file_ledger> ledger_
    = std::make_shared<perf::file_ledger>();
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<running_store> store_;
  std::uint64_t before_ = 0;
  clock::time_point stopped_;
  double seconds_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("compaction_load DIRECTORY [uniform|zipf] [SEGMENT_MIB] "
               "[SEGMENTS] [ROUNDS]\n",
               stderr);
    return 64;
  }
  spdlog::set_level(spdlog::level::warn);
  settings chosen;
  chosen.directory = argv[1];
  chosen.is_zipf = argc > 2 && std::strcmp(argv[2], "zipf") == 0;
  if (argc > 3)
    chosen.segment_bytes
      = std::strtoull(argv[3], nullptr, 10) * storage::mebibyte;
  if (argc > 4)
    chosen.segments = std::strtoull(argv[4], nullptr, 10);
  if (argc > 5)
    chosen.rounds = std::strtoull(argv[5], nullptr, 10);
  measurement{chosen}.run();
}
