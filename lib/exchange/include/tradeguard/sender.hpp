// Sender: the way to an exchange. Sends bursts, and hears what every answer says of the way itself: silence that
// is asked for, a clock that is off, and what was not understood, which becomes one VENUE_ANSWER line.
// Contract tests: tests/exchange/sender_test.cpp
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tradeguard/clock.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/silence.hpp"
#include "tradeguard/venue_answer.hpp"

namespace tradeguard::exchange {

struct SenderSettings {
  Micros patience = 2s;             // of each request
  bool paced = true;                // false: a server without limits
  bool time_from_dates = false;     // learn the exchange's time from the Date of its answers
  std::string_view api_key;         // blotted out of every answer; outlives the sender
  std::string_view signature_mark;  // what stands in front of a request's signature, which is blotted out too
};

// For one thread. Transport, clock and log outlive it.
class Sender {
 public:
  Sender(HttpTransport& transport, const SenderSettings& settings, Clock& clock, Log& log)
      : transport_{transport}, settings_{settings}, clock_{clock}, log_{log}, silence_{clock} {}

  // One result for each request, in their order. The bodies are wiped afterwards: they hold the key.
  std::vector<HttpResult> exchange(std::vector<HttpRequest>& requests);

  // What was read. The rest of the answer is noted here.
  template <class T>
  T hear(const HttpRequest& request, Read<T> read) {
    note(request, read);
    return std::move(read.it);
  }
  void note(const HttpRequest& request, const Heard& heard);

  // Asks what a search wants to know, burst after burst, until it wants nothing more. False: it did after
  // `most_bursts` of them. A search has burst(), the next asks, and hear(ask, result), what the answer said.
  template <class Search, class Build>
  bool conduct(Search& search, int most_bursts, Build build) {
    for (int bursts = 0;; ++bursts) {
      const auto asks = search.burst();
      if (asks.empty()) return true;
      if (bursts == most_bursts) return false;
      std::vector<HttpRequest> requests;
      for (const auto& ask : asks) requests.push_back(build(ask));
      const auto results = exchange(requests);
      for (std::size_t i = 0; i < asks.size(); ++i) note(requests[i], search.hear(asks[i], results[i]));
    }
  }

  // Why nothing may be asked now; nullopt: it may.
  std::optional<Error> mute() const { return silence_.why(); }
  // Why this order is not sent; nullopt: it is. Nobody re-stamps a request, and its way takes time.
  std::optional<Unsent> held_back(const Order& order) const;
  std::optional<Quiet> quiet() const { return silence_.quiet(); }
  void keep_quiet(const Quiet& quiet) { silence_.keep(quiet); }

  // The exchange's time as far as it is known, else this machine's.
  Instant now() const { return clock_.now() + offset_.value_or(Micros{0}); }
  bool knows_time() const { return offset_.has_value(); }
  // How far the exchange's clock is ahead of this machine's.
  void learn_time(Micros offset) { offset_ = offset; }

 private:
  void narrow(const HttpResponse& response);
  void blot_out(const HttpRequest& request, HttpResponse& response) const;

  HttpTransport& transport_;
  SenderSettings settings_;
  Clock& clock_;
  Log& log_;
  Silence silence_;
  Micros orders_quiet_until_{0};  // on the monotonic clock
  std::optional<Micros> offset_;
  Micros lowest_offset_{0};
  Micros highest_offset_{0};
};

// One outcome for each item: what `held` says of it, else what `hear` makes of the result of the request that
// `build` made. All requests are one burst.
template <class Item, class Held, class Build, class Hear>
auto send_each(Sender& sender, std::span<const Item> items, Held held, Build build, Hear hear) {
  using Outcome = decltype(hear(items.front(), std::declval<const HttpRequest&>(), std::declval<const HttpResult&>()));
  std::vector<std::optional<Outcome>> outcomes;
  std::vector<HttpRequest> requests;
  std::vector<std::size_t> places;
  for (const Item& item : items) {
    outcomes.emplace_back(held(item));
    if (outcomes.back()) continue;
    places.push_back(outcomes.size() - 1);
    requests.push_back(build(item));
  }
  const auto results = sender.exchange(requests);
  for (std::size_t i = 0; i < places.size(); ++i) outcomes[places[i]] = hear(items[places[i]], requests[i], results[i]);
  std::vector<Outcome> all;
  for (auto& outcome : outcomes) all.push_back(std::move(*outcome));
  return all;
}

}  // namespace tradeguard::exchange
