#pragma once

#include "actors/request_router.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kvs::actors {

struct recorded_reply {
  std::uint64_t wire_id = 0;
  protocol::reply message;
};

/// A way out of a router that leads nowhere: it records what would have been
/// sent, and in `order` one letter for each message.
class recording_port final : public router_port {
public:
  void forward(std::uint32_t, shard_request message) override {
    std::visit([this](auto& each) { record(each); }, message);
  }
  void forward(store_request message) override {
    std::visit([this](auto& each) { record(each); }, message);
  }
  void fetch(request_ref ref,
             std::shared_ptr<const stored_value> value) override {
    order += 'v';
    fetches.emplace_back(ref, std::move(value));
  }
  void run(request_ref ref, std::shared_ptr<program> what) override {
    order += 'p';
    runs.emplace_back(ref, std::move(what));
  }
  void answered(std::uint64_t wire_id, const answer& found,
                const memory_owners&) override {
    answers.emplace_back(wire_id, found);
  }
  void reply(std::uint64_t wire_id, protocol::request_type,
             const protocol::reply& message, const memory_owners&) override {
    replies.push_back({wire_id, message});
  }

  const protocol::reply* reply_to(std::uint64_t wire_id) const {
    for (const auto& each : replies)
      if (each.wire_id == wire_id)
        return &each.message;
    return nullptr;
  }

  std::string order;
  std::vector<operation> reads;
  std::vector<operation> evaluations;
  std::vector<operation> blind;
  std::vector<scan_keys> scans;
  std::vector<append_atomic> atomics;
  std::vector<place_cut> cuts;
  std::vector<count_at_cut> counts;
  std::vector<flush_store> flushes;
  std::vector<sync_now> syncs;
  std::vector<make_backup> backups;
  std::vector<std::pair<request_ref, std::shared_ptr<const stored_value>>>
    fetches;
  std::vector<std::pair<request_ref, std::shared_ptr<program>>> runs;
  std::vector<recorded_reply> replies;
  std::vector<std::pair<std::uint64_t, answer>> answers;

private:
  void record(read_batch& message) {
    order += 'r';
    for (const auto& op : message.operations)
      reads.push_back(op);
  }
  void record(evaluate_batch& message) {
    order += 'e';
    for (const auto& op : message.operations)
      evaluations.push_back(op);
  }
  void record(scan_keys& message) {
    order += 's';
    scans.push_back(message);
  }
  void record(append_batch& message) {
    order += 'b';
    for (const auto& op : message.operations)
      blind.push_back(op);
  }
  void record(append_atomic& message) {
    order += 'a';
    atomics.push_back(message);
  }
  void record(withdraw_transaction&) {
    order += 'w';
  }
  void record(place_cut& message) {
    order += 'c';
    cuts.push_back(message);
  }
  void record(count_at_cut& message) {
    order += 'n';
    counts.push_back(message);
  }
  void record(flush_store& message) {
    order += 'f';
    flushes.push_back(message);
  }
  void record(sync_now& message) {
    order += 'y';
    syncs.push_back(message);
  }
  void record(compact_store&) {
    order += 'm';
  }
  void record(make_backup& message) {
    order += 'k';
    backups.push_back(message);
  }
  void record(collect_figures&) {
    order += 'g';
  }
};

} // namespace kvs::actors
