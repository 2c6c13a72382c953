// What goes wrong on demand: a queue of faults. Of the faults that match a request the first has
// its turn and is used up by one; those behind it wait.
//
// A fault is a set of effects, all of which happen to the one request:
//   wait_before=MS   it is looked at that much later, as if it had been on its way
//   delay=MS         the answer comes that much later than the deed
//   drop=before|after   the connection closes without an answer, nothing or everything done
//   hang=before|after   no answer, and the connection stays open
//   status=N, body=html|empty|json|TEXT, executed=1   this is answered instead; nothing is done
//                    unless `executed`
//   code=N, message=TEXT, with_id=1   the exchange's own error, under another HTTP status if one is
//                    given; with_id: of an order that exists, REJECTED
//   retry_after=S    in the head of an answer of `status`, and where Telegram has it
//   truncate=N       the body ends after N bytes, the connection too; huge=N: a body of N bytes
//   ignore=1         a cancel is acknowledged and not done; fill_first=1: the order is filled first
//   leave_out=X      the symbol is missing in a table (instruments, tickers, prices)
// and what becomes of the orders it carries (exchange.hpp, Fate): reject_async=REASON, fill=PART,
//   no_fill=1, end=cancelled|expired, end_after_reads=N, fee=CURRENCY, lag=N (0: for ever) with
//   views=A,B, stale=N, stored_type=LIMIT, missing=1, unknown_status=TEXT, omit=A,B.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exchange.hpp"
#include "web.hpp"

namespace tradeguard::fake {

struct Fault {
  std::string endpoint;  // "private/create-order", "POST /api/v3/order", "sendMessage"; "*" at its
                         // end stands for anything
  std::string client;    // prefix of a client id in the request; "": any request
  int skip = 0;          // matching requests that pass first
  int times = 1;         // 0: for ever
  std::map<std::string, std::string> effects;

  bool has(const std::string& effect) const { return effects.count(effect) == 1; }
  std::string text(const std::string& effect) const;
  std::int64_t number(const std::string& effect) const;
  bool means(std::string_view client_id) const;
};

// nullopt when a name is unknown or a number is none; `why` says which.
std::optional<Fault> parse_fault(const Pairs& query, std::string& why);
Fate fate_of(const Fault& fault);
// The fate this fault has for one order of a request; an ordinary one where it means another.
Fate fate_for(const Fault* fault, std::string_view client_id);

class Faults {
 public:
  void add(Fault fault) { queue_.push_back(std::move(fault)); }
  void clear() { queue_.clear(); }
  std::optional<Fault> next(const std::string& endpoint, const std::vector<std::string>& clients);
  std::size_t waiting() const { return queue_.size(); }

 private:
  std::deque<Fault> queue_;
};

}  // namespace tradeguard::fake
