// How an INDEX SHARD ends, in order or not.

#include "actors/shard_state.hpp"

namespace kvs::actors {

caf::result<shard_stopped> shard::stop() {
  auto promise = this->make_response_promise<shard_stopped>();
  stop_promise_ = promise;
  end_turn();
  return promise;
}

void shard::finish_stop() {
  stop_promise_->deliver(
    shard_stopped{is_exact_ ? args_.keys : nullptr, flushed_below_});
  stop_promise_.reset();
  this->quit();
}

void shard::on_exit() {
  // It has died before it was done: nobody may believe its index.
  if (stop_promise_)
    stop_promise_->deliver(shard_stopped{nullptr, flushed_below_});
  // CAF drops what is left without a word, so everybody who waits is told.
  auto why = make_failure(outcome::shutting_down,
                          "the node is closing; nothing was read or changed");
  auto refuse = [&](std::vector<pending_operation>& pending) {
    for (auto& each : pending)
      outbox_.fail(each.session, each.op.ref, why);
    pending.clear();
  };
  for (auto& [number, wanted] : cold_reads_)
    outbox_.fail(wanted.session, wanted.op.ref, why);
  cold_reads_.clear();
  for (const auto& batch : arrived_)
    for (const auto& op : batch.operations)
      outbox_.fail(batch.from, op.ref, why);
  arrived_.clear();
  for (auto& [key, current] : evaluations_) {
    refuse(current->running);
    refuse(current->waiting);
  }
  for (auto* box : {&timed_, &timed_next_}) {
    box->fail_all(why);
    box->send(this, durable_version_);
  }
  for (auto& each : parked_) {
    for (const auto& reply : each.message.answers)
      outbox_.to(each.session).answers.push_back(outbox::failed(reply, why));
  }
  parked_.clear();
  for (const auto& scan : held_scans_)
    outbox_.fail(scan.from, scan.ref, why);
  held_scans_.clear();
  for (const auto& [number, scan] : scans_)
    outbox_.fail(scan.request.from, scan.request.ref, why);
  scans_.clear();
  fail_timed_scans(why);
  for (const auto& each : counts_)
    outbox_.fail(each.request.from, each.request.ref, why);
  counts_.clear();
  outbox_.send(this, durable_version_);
  if (reserving_)
    caf_compat::tell(this, args_.budget, cancel_reservation{this->address()});
  large_.clear();
  sent_.clear();
  evaluations_.clear();
  held_moves_.clear();
  waiting_marks_.clear();
  spare_evaluations_.clear();
  arena_ = {};
  args_ = {};
}

} // namespace kvs::actors
