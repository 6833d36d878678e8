/// A byte_stream over TCP.
#pragma once

#include "actors/byte_stream.hpp"
#include "actors/job_queue.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <memory>

namespace kvs::actors {

/// Takes over a connected socket whose handlers run on `loop`.
std::shared_ptr<byte_stream>
make_tcp_stream(boost::asio::ip::tcp::socket socket, job_queue& loop);

} // namespace kvs::actors
