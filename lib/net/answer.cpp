#include "answer.hpp"

#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <utility>

namespace tradeguard::net {

namespace {

namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;

std::string why_unread(error_code error, const HttpsSettings& settings) {
  if (error == http::error::body_limit) return "answer larger than " + size_text(settings.body_limit);
  if (error == http::error::header_limit) return "answer's head larger than " + size_text(settings.header_limit);
  return "not HTTP";
}

}  // namespace

asio::awaitable<tl::expected<Received, std::string>> read_answer(Connection& connection, const HttpsSettings& settings,
                                                                 bool without_body) {
  using Unread = tl::unexpected<std::string>;
  // A host from which there is always more to read must not keep the loop from looking at the
  // patience of this and of the other requests.
  constexpr std::size_t read_at_once = 256U << 10;
  // What the pieces of a body are wrapped in counts as well.
  const std::size_t most = 2 * (settings.header_limit + settings.body_limit);
  constexpr int most_interim = 8;
  std::size_t in_all = 0;
  std::size_t since_yield = 0;
  std::optional<Parser> parser;
  for (int interim = 0;; ++interim) {  // until a final answer: those with 1xx announce one
    if (interim > most_interim) co_return Unread{"more than " + std::to_string(most_interim) + " interim answers"};
    parser.emplace();
    parser->header_limit(static_cast<std::uint32_t>(settings.header_limit));
    parser->body_limit(settings.body_limit);
    parser->eager(true);
    parser->skip(without_body);
    bool hungry = connection.unread.size() == 0;
    while (!parser->is_done()) {
      if (!hungry) {
        error_code error;
        const std::size_t eaten = parser->put(connection.unread.data(), error);
        connection.unread.consume(eaten);
        hungry = error == http::error::need_more || connection.unread.size() == 0;
        if (error && error != http::error::need_more) co_return Unread{why_unread(error, settings)};
        // A line without end, in the head or between chunks.
        if (connection.unread.size() >= settings.header_limit + bite)
          co_return Unread{why_unread(http::error::header_limit, settings)};
        continue;
      }
      const auto space = connection.unread.prepare(bite);
      const Moved moved = read_some(connection, static_cast<char*>(space.data()), space.size());
      if (moved.step == Step::done) {
        connection.unread.commit(moved.bytes);
        hungry = false;
        in_all += moved.bytes;
        if (in_all > most) co_return Unread{why_unread(http::error::body_limit, settings)};
        since_yield += moved.bytes;
        if (since_yield < read_at_once) continue;
        since_yield = 0;
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        if (connection.late) co_return Unread{why_lost(connection)};
        continue;
      }
      if (moved.step == Step::wait_to_read || moved.step == Step::wait_to_write) {
        const bool go_on = co_await ready(connection, moved.step);
        if (!go_on) co_return Unread{why_lost(connection)};
        continue;
      }
      if (moved.step == Step::failed && !connection.cut) co_return Unread{why_lost(connection)};
      if (!parser->got_some()) co_return Unread{"connection closed without an answer"};
      error_code error = http::error::partial_message;
      if (moved.step == Step::ended) {
        error.clear();
        parser->put_eof(error);
      }
      if (error) co_return Unread{"connection closed within the answer"};
    }
    if (parser->get().result_int() / 100 != 1) break;
  }

  Received answer;
  answer.keep = parser->keep_alive() && connection.unread.size() == 0;
  auto& message = parser->get();
  answer.response.status = static_cast<int>(message.result_int());
  answer.response.body = std::move(message.body());
  for (const auto& field : message) {
    std::string name{field.name_string()};
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    answer.response.headers.emplace_back(std::move(name), std::string{field.value()});
  }
  co_return answer;
}

std::string size_text(std::size_t bytes) {
  if (bytes >= (1u << 20) && bytes % (1u << 20) == 0) return std::to_string(bytes >> 20) + " MiB";
  if (bytes >= (1u << 10) && bytes % (1u << 10) == 0) return std::to_string(bytes >> 10) + " KiB";
  return std::to_string(bytes) + " bytes";
}

}  // namespace tradeguard::net
