// One filled-in message of every kind, for tests that go over all of them.

#pragma once

#include "protocol/native/frame.hpp"
#include "protocol/replies.hpp"
#include "protocol/requests.hpp"

#include <string>
#include <vector>

namespace kvs::protocol::test {

/// At least one request of every type. All of them are valid under the
/// default limits. Their views live for ever.
std::vector<request> sample_requests();

struct sample_reply {
  request_type to;
  reply message;
};

/// At least one reply to every type of request, and errors.
std::vector<sample_reply> sample_replies();

/// The frames of `sample_requests` and of `sample_replies`.
std::vector<std::string> sample_request_frames();
std::vector<std::string> sample_reply_frames();

/// The whole frame of one message, with the id 0x0102030405060708.
std::string frame_of(const request& message);
std::string frame_of(const sample_reply& message);

/// Splits a frame; the view borrows.
native::frame_header header_of(std::string_view frame);
std::span<const std::byte> body_of(std::string_view frame);
std::span<const std::byte> as_bytes(std::string_view text);

} // namespace kvs::protocol::test
