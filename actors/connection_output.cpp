// How a CONNECTION sends: messages to the store, replies to the client.

#include "actors/connection_state.hpp"
#include "actors/paced_function.hpp"

#include <array>

namespace kvs::actors {
namespace {

/// A part that has grown to this is not appended to any more, so that sent
/// bytes can be given back.
constexpr std::size_t part_bytes_max = 256 * 1024;

constexpr std::size_t parts_per_write = 64;

class program_work final : public long_work {
public:
  explicit program_work(std::shared_ptr<program> what)
    : what_{std::move(what)} {
  }
  bool step() override {
    return run_.step();
  }

  std::vector<operation> operations;

private:
  std::shared_ptr<program> what_;
  /// The last member: what it refers to must be there while it is unwound.
  paced_function run_{
    [this](protocol::pacer& pace) { operations = what_->run(pace); }};
};

} // namespace

protocol::byte_buffer& connection::out() {
  if (output_.empty() || output_.back().borrowed.data() != nullptr
      || output_.back().own.size() > part_bytes_max)
    output_.emplace_back().own = std::exchange(spare_, {});
  return output_.back().own;
}

void connection::wrote(std::size_t count) {
  pending_bytes_ += count;
}

void connection::write_borrowed(std::span<const std::byte> bytes,
                                memory_owners memory) {
  output_part large;
  large.borrowed = bytes;
  large.memory = std::move(memory);
  output_.push_back(std::move(large));
  wrote(bytes.size());
}

void connection::fetch(request_ref ref,
                       std::shared_ptr<const stored_value> value) {
  fetches_.push_back({ref, std::move(value)});
}

void connection::fetch_next() {
  if (fetching_ || works_ > 0 || fetches_.empty()
      || pending_bytes_ > args_.limits.reply_bytes_max)
    return;
  fetching_ = true;
  caf_compat::tell(this, args_.store.budget,
                   reserve_memory{connection_impl{this},
                                  fetches_.front().value->location.size_bytes,
                                  for_fetch, 0});
}

void connection::read_fetched(std::uint64_t charged_bytes) {
  memory_charge charge{args_.store.budget, charged_bytes};
  if (closed_) {
    charge.release();
    return end_fetch(make_failure(outcome::shutting_down, ""), nullptr, {});
  }
  const auto& readers = args_.store.readers;
  const auto& reader = readers[next_reader_++ % readers.size()];
  caf_compat::ask(this, reader, read_record{*fetches_.front().value})
    .then(
      [this, charge](const record_read& found) {
        // The memory goes back to the budget when the reply has left.
        end_fetch(found.error, charged_memory(found.memory, charge),
                  found.value);
        end_turn();
      },
      [this, charge](const caf::error&) {
        charge.release();
        end_fetch(make_failure(outcome::shutting_down,
                               "the node is closing; nothing was read"),
                  nullptr, {});
        end_turn();
      });
}

void connection::end_fetch(const failure& error, memory_owner memory,
                           std::span<const std::byte> value) {
  auto ref = fetches_.front().ref;
  fetches_.pop_front();
  fetching_ = false;
  router_.fetched(ref, error, std::move(memory), value);
}

void connection::work_elsewhere(std::shared_ptr<long_work> what,
                                std::function<void(const failure&)> then) {
  ++works_;
  const auto& readers = args_.store.readers;
  const auto& reader = readers[next_reader_++ % readers.size()];
  auto finish = [this, then = std::move(then)](const failure& error) {
    --works_;
    then(error);
    end_turn();
  };
  caf_compat::ask(this, reader, do_work{std::move(what)})
    .then([finish](const work_done& done) { finish(done.error); },
          [finish](const caf::error&) {
            finish(make_failure(outcome::shutting_down,
                                "the node is closing; nothing was done"));
          });
}

void connection::run(request_ref ref, std::shared_ptr<program> what) {
  auto work = std::make_shared<program_work>(std::move(what));
  work_elsewhere(work, [this, ref, work](const failure& error) {
    router_.programmed(ref, error, std::move(work->operations));
  });
}

void connection::flush_soon() {
  if (flush_scheduled_ || blocked_ || output_.empty())
    return;
  // Nothing is left to be said: this is all that one write can serve.
  if (requests_in_flight() == 0 && parsed_bytes_ == arrived_bytes_ && !large_)
    return flush();
  // The note lands behind the answers that are in the mailbox already, so one
  // write serves them all.
  flush_scheduled_ = true;
  caf_compat::tell(this, this, flush_due{});
}

void connection::flush() {
  while (!closed_ && !blocked_ && !output_.empty()) {
    std::array<std::span<const std::byte>, parts_per_write> parts;
    std::size_t count = 0;
    std::size_t wanted = 0;
    for (const auto& part : output_) {
      if (count == parts.size())
        break;
      parts[count] = part.bytes();
      if (count == 0)
        parts[count] = parts[count].subspan(written_bytes_);
      wanted += parts[count].size();
      ++count;
    }
    auto written = args_.stream->write({parts.data(), count});
    if (!written)
      return close("connection.write-failed");
    blocked_ = *written < wanted;
    if (!blocked_)
      blocked_since_.reset();
    else if (*written > 0 || !blocked_since_)
      blocked_since_ = turn_time();
    discard_output(*written);
  }
}

void connection::discard_output(std::size_t count) {
  written_bytes_ += count;
  pending_bytes_ -= count;
  while (!output_.empty() && written_bytes_ >= output_.front().bytes().size()) {
    written_bytes_ -= output_.front().bytes().size();
    if (output_.size() == 1 && output_.front().borrowed.data() == nullptr
        && written_bytes_ == 0) {
      // The usual case: all is sent; its memory serves the next replies.
      spare_ = std::move(output_.front().own);
      spare_.clear();
    }
    output_.pop_front();
  }
}

template <class Message>
constexpr bool goes_to_writer = true;
template <>
constexpr bool goes_to_writer<compact_store> = false;
template <>
constexpr bool goes_to_writer<make_backup> = false;
template <>
constexpr bool goes_to_writer<collect_figures> = false;

void connection::forward(std::uint32_t shard, shard_request message) {
  std::visit(
    [&](auto& each) { send_to(args_.store.shards[shard], std::move(each)); },
    message);
}

void connection::forward(store_request message) {
  if (auto* compact = std::get_if<compact_store>(&message))
    return send_to(args_.store.compactor, *compact);
  if (auto* backup = std::get_if<make_backup>(&message))
    return send_to(args_.store.archivist, std::move(*backup));
  if (auto* collect = std::get_if<collect_figures>(&message)) {
    for (const auto& shard : args_.store.shards)
      send_to(shard, *collect);
    send_to(args_.store.writer, *collect);
    return send_to(args_.store.compactor, *collect);
  }
  std::visit(
    [this](auto& each) {
      using sent = std::decay_t<decltype(each)>;
      if constexpr (goes_to_writer<sent>)
        send_to(args_.store.writer, std::move(each));
    },
    message);
}

} // namespace kvs::actors
