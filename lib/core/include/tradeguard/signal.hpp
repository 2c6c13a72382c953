// What a bot decided: the signal, its symbol and side, and the key that makes it one signal.
// Contract test: tests/unit/signal_test.cpp
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tradeguard/amounts.hpp"
#include "tradeguard/error.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard {

enum class Side { buy, sell };
std::string_view text(Side side);  // "BUY", "SELL"
std::optional<Side> parse_side(std::string_view text);

// BASE_QUOTE in capitals and digits, each part 1 to 20 characters; adapters map it to the venue's spelling.
class Symbol {
 public:
  static std::optional<Symbol> parse(std::string_view text);
  const std::string& text() const { return text_; }
  std::string base() const { return text_.substr(0, text_.find('_')); }
  std::string quote() const { return text_.substr(text_.find('_') + 1); }
  friend auto operator<=>(const Symbol&, const Symbol&) = default;

 private:
  explicit Symbol(std::string t) : text_{std::move(t)} {}
  std::string text_;
};

// One venue account. Paper is a venue. Both parts [a-z0-9-]{1,32}; every stored key carries them.
struct AccountKey {
  std::string venue;
  std::string account;
  friend auto operator<=>(const AccountKey&, const AccountKey&) = default;
};

struct Signal {
  Symbol symbol;
  Side side;
  Instant time;                              // when the strategy said it; identity comes from here
  std::optional<std::string> id;             // is_signal_id(); identity instead of the minute
  std::optional<Money> notional;             // quote units to spend; of a SELL: see exits_whole()
  std::optional<Quantity> quantity;          // base units; of a SELL: see exits_whole()
  std::optional<Price> price;                // what the strategy saw
  std::optional<Decimal> stop_loss_percent;  // 3 is 3 %
  std::optional<Decimal> take_profit_percent;
  std::optional<Price> stop_loss_price;  // fixed levels win over percents
  std::optional<Price> take_profit_price;
  std::string strategy;
  int line = 0;                    // place in its source, for messages
  std::optional<Decimal> percent;  // of what is held; SELL only: see exits_whole()
};
// A SELL that asks for a part of what is held. Parts are not sold yet, so its trades are left whole,
// and the run says so: a position that was to shrink must not stay as it is.
inline bool exits_whole(const Signal& signal) {
  return signal.side == Side::sell && (signal.quantity || signal.notional || signal.percent);
}

bool is_signal_id(std::string_view text);  // [A-Za-z0-9._-]{1,64}

// {symbol}:{side}:{YYYY-MM-DDTHH:MM:00} of the signal's UTC minute, or {symbol}:{side}:id={id}.
using SignalKey = std::string;
SignalKey signal_key(const Signal& signal);
// The key a signal is claimed under. An exit's is its full time, since two exits of one minute are two words;
// lines still show signal_key, with the minute.
SignalKey claim_key(const Signal& signal);
// What the claim keys of all exits of a minute begin with, from the key that a line shows; empty: not such a key.
std::string exits_of_minute(std::string_view shown_key);
// Everything a repeat under the same key must agree in; differing content is reported as such.
std::string signal_digest(const Signal& signal);

// Where signals come from. A rejected line carries its place and reason; the rest goes on.
struct RejectedLine {
  int line;
  std::string reason;
  // It seems to ask for an exit: of this symbol, or empty where the symbol cannot be read. With a
  // trade open somebody has to look at it.
  std::optional<std::string> exit_of = std::nullopt;
  std::uint64_t content = 0;  // the same for the same line wherever it stands: it is told once
  bool source = false;        // no line: the source itself broke off here
};
// Many lines that are not given one by one, because they can change nothing any more.
struct LeftOut {
  enum class Why { stale, rejected };
  Why why;
  std::int64_t count = 0;
  int first_line = 0;
  int last_line = 0;
};
struct SignalBatch {
  std::vector<Signal> signals;
  std::vector<RejectedLine> rejected;
  std::vector<LeftOut> left_out;
};
class SignalSource {
 public:
  virtual ~SignalSource() = default;
  // Reads everything there is, once. Age is judged by the cycle; a source that is read anew in every
  // run may leave out what is stale by any judgement, and says how much.
  virtual Result<SignalBatch> read() = 0;
};

}  // namespace tradeguard
