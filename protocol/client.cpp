// The public face of the client library.

#include "protocol/client.hpp"

#include "protocol/client_connection.hpp"

namespace kvs::protocol {

client_outcome<client> client::connect(const std::string& host,
                                       std::uint16_t port,
                                       const client_options& options) {
  auto connection = std::make_unique<client_connection>(options);
  if (auto error = connection->open(host, port))
    return std::move(*error);
  return client{std::move(connection)};
}

client::client(std::unique_ptr<client_connection> connection)
  : connection_(std::move(connection)) {
}

client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;
client::~client() = default;

void client::submit(const request& message, completion done) {
  connection_->submit(message, std::move(done));
}

} // namespace kvs::protocol
