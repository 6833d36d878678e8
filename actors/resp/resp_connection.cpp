// Bytes of RESP into commands, and replies in their order into bytes.

#include "actors/resp/resp_connection.hpp"

#include "actors/byte_views.hpp"

namespace kvs::actors::resp {
namespace {

using protocol::resp::reply_writer;

/// Values of at least this size are sent from where they lie.
constexpr std::size_t borrowed_reply_bytes_min = 16 * 1024;

/// A subscriber or monitor with more than this waiting is dropped.
constexpr std::size_t pushed_replies_max = 65'536;

/// No command that matters most has more.
constexpr std::size_t hot_args_max = 3;

bool lies_within(std::string_view part, std::string_view whole) {
  return std::less_equal<>{}(whole.data(), part.data())
         && std::less_equal<>{}(part.data() + part.size(),
                                whole.data() + whole.size());
}

} // namespace

resp_connection::resp_connection(caf::actor_config& config,
                                 caf_compat::execution_base* loop,
                                 connection_args args,
                                 session_services services)
  : connection{config, loop, std::move(args)}, services_{std::move(services)} {
  protocol::resp::parser_limits limits;
  limits.bulk_bytes_max
    = static_cast<std::int64_t>(services_.limits.value_bytes_max);
  parser_.set_limits(limits);
}

void resp_connection::greet() {
  // The settings come first.
  holds_input_ = true;
  joined_ = turn_time();
  now_ = joined_;
  last_command_time_ = joined_;
  caf_compat::tell(this, services_.registry,
                   client_joined{connection_impl{this}, services_.client_id});
}

std::size_t resp_connection::requests_elsewhere() const {
  auto waiting = held_ ? std::size_t{1} : std::size_t{0};
  if (replies_.size() > router_.in_flight())
    waiting += replies_.size() - router_.in_flight();
  return waiting;
}

bool resp_connection::parse_one() {
  if (closes_)
    return false;
  auto bytes = as_text(arrived());
  switch (parser_.next(bytes)) {
    case protocol::resp::parser::status::need_more:
      if (parser_.needed_bytes() > receive_buffer_bytes
          || bytes.size() >= receive_buffer_bytes)
        begin_large(
          parser_.needed_bytes(),
          std::max(parser_.needed_bytes(), bytes.size() + receive_buffer_bytes),
          false);
      else if (!bytes.empty())
        begin_deadline();
      return large_.has_value();
    case protocol::resp::parser::status::error:
      refuse_protocol(parser_.error());
      return false;
    case protocol::resp::parser::status::command:
      break;
  }
  end_deadline();
  auto whole = bytes.substr(0, parser_.consumed_bytes());
  took(whole.size());
  take_command(parser_.arguments(), arrived_memory(), whole);
  return true;
}

void resp_connection::take_large() {
  auto bytes = as_text(large_->body.bytes());
  switch (parser_.next(bytes)) {
    case protocol::resp::parser::status::need_more:
      large_->needed_bytes = parser_.needed_bytes();
      large_->wanted_bytes = std::max<std::uint64_t>(
        large_->needed_bytes, bytes.size() + receive_buffer_bytes);
      return;
    case protocol::resp::parser::status::error:
      refuse_protocol(parser_.error());
      return drop_large();
    case protocol::resp::parser::status::command:
      break;
  }
  auto whole = bytes.substr(0, parser_.consumed_bytes());
  auto memory = large_memory();
  unread(memory->bytes().subspan(whole.size()));
  take_command(parser_.arguments(), memory, whole);
}

void resp_connection::take_command(std::span<const std::string_view> args,
                                   const memory_owner& memory,
                                   std::string_view bytes) {
  counted_.input_bytes += bytes.size();
  if (args.empty())
    return;
  note_request();
  now_ = turn_time();
  last_command_time_ = now_;
  if (args.size() <= hot_args_max && take_hot(args, memory, bytes))
    return;
  auto all_inside = true;
  for (auto each : args)
    all_inside = all_inside && (each.empty() || lies_within(each, bytes));
  if (all_inside)
    return dispatch({args.begin(), args.end()}, memory);
  // Quoted arguments of an inline command lie in the parser.
  auto own
    = std::make_shared<std::vector<std::string>>(args.begin(), args.end());
  dispatch({own->begin(), own->end()}, own);
}

void resp_connection::refuse_protocol(std::string_view error) {
  finish_error({open_place(), -1}, error);
  end_input(true);
  drain();
}

void resp_connection::refuse_large(protocol::status, const char* why) {
  finish_error({open_place(), -1}, std::string{"ERR "} + why);
  end_input(true);
  drain();
}

std::uint64_t resp_connection::open_place() {
  auto unwanted = replies_off_ || skips_this_;
  return replies_.open(version_, unwanted);
}

std::uint64_t resp_connection::open_counted(const command_spec& spec) {
  auto number = open_place();
  auto& place = replies_.at(number);
  place.counted = &spec;
  place.read_at = now_;
  return number;
}

void resp_connection::drain() {
  replies_.drain(
    [this](const reply_queue::entry& next) {
      if (next.counted != nullptr)
        count(*next.counted, turn_time() - next.read_at, next.is_error());
    },
    [this](reply_queue::entry& next) { write_entry(next); });
  if (held_ && !is_closed())
    resume();
}

void resp_connection::write_entry(reply_queue::entry& next) {
  if (is_closed())
    return;
  using kind = reply_queue::entry::kind;
  auto& buffer = out();
  auto before = buffer.size();
  reply_writer writer{buffer, next.version};
  auto is_large
    = [](std::size_t bytes) { return bytes >= borrowed_reply_bytes_min; };
  switch (next.what) {
    case kind::waiting:
    case kind::silent:
      return;
    case kind::text:
      writer.raw(next.text);
      break;
    case kind::shared_text:
      if (!is_large(next.text.size())) {
        writer.raw(next.text);
        break;
      }
      counted_.output_bytes += next.text.size();
      return write_borrowed(as_bytes(next.text), std::move(next.memory));
    case kind::integer:
      writer.integer(next.number);
      break;
    case kind::null:
      writer.null();
      break;
    case kind::value:
      if (!is_large(next.text.size())) {
        writer.bulk(next.text);
        break;
      }
      writer.raw("$" + std::to_string(next.text.size()) + "\r\n");
      wrote(buffer.size() - before);
      write_borrowed(as_bytes(next.text), std::move(next.memory));
      out().append(std::string_view{"\r\n"});
      counted_.output_bytes += next.text.size();
      return wrote(2);
    case kind::bytes:
      if (!is_large(next.bytes.size())) {
        buffer.append(next.bytes.bytes());
        break;
      }
      auto owner = std::make_shared<byte_buffer>(std::move(next.bytes));
      memory_owners memory;
      memory.add(owner);
      counted_.output_bytes += owner->size();
      return write_borrowed(owner->bytes(), std::move(memory));
  }
  counted_.output_bytes += buffer.size() - before;
  wrote(buffer.size() - before);
}

void resp_connection::push(byte_buffer bytes) {
  if (replies_.size() > pushed_replies_max || is_flooded())
    return close("connection.subscriber-too-slow");
  auto number = replies_.open(version_, false);
  replies_.set_bytes(number, std::move(bytes));
  drain();
}

void resp_connection::handle(const settings_changed& message) {
  if (settings_ == nullptr)
    holds_input_ = false;
  settings_ = message.now;
  args_.limits.idle_timeout = settings_->idle_timeout;
  resume();
}

void resp_connection::handle(const monitored_command& message) {
  if (!is_monitor_)
    return;
  byte_buffer bytes;
  reply_writer{bytes, version_}.simple(*message.line);
  push(std::move(bytes));
}

client_described resp_connection::describe() {
  client_described found;
  found.client.id = services_.client_id;
  found.client.address = args_.stream->peer();
  found.client.local_address = services_.local_address;
  found.client.type = is_subscribed() ? "pubsub" : "normal";
  found.client.line = description();
  found.counted = counted_;
  return found;
}

void resp_connection::forget_client() {
  unwatch();
  drop_subscriptions();
  is_monitor_ = false;
  held_.reset();
}

void resp_connection::on_exit() {
  forget_client();
  caf_compat::tell(this, services_.registry,
                   client_left{services_.client_id, counted_});
  services_ = {};
  asked_.clear();
  exec_.reset();
  replies_ = {};
  queued_.clear();
  connection::on_exit();
}

connection_actor spawn_resp_connection(caf::actor_system& system,
                                       caf_compat::execution_base* loop,
                                       connection_args args,
                                       session_services services) {
  return system.spawn<resp_connection>(loop, std::move(args),
                                       std::move(services));
}

} // namespace kvs::actors::resp
