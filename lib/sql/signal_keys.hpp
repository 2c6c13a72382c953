// What guard and journal share about signal keys: who has one, and what was decided about it.
// Private to this room.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "draft.hpp"
#include "rows.hpp"
#include "tradeguard/guards.hpp"

namespace tradeguard {

struct ClaimedKey {
  std::string digest;
  Instant claimed_at;
  bool released = false;
  int attempts = 0;
  ClientOrderId order;            // the entry, or the newest sale an exit led to; empty: none yet
  std::string existing_order_id;  // its venue's id, else its client id, else "-"
  std::string decided = {};       // denied for good, and by this; empty: claimed
};
// The keys among these that were claimed before.
std::vector<Statement> find_keys(const AccountKey& account, const std::set<SignalKey>& keys);
// What cannot be read of one is left at its default: a key whose row is there was claimed, and it is
// free only if that is said clearly.
std::map<SignalKey, ClaimedKey> read_keys(const std::vector<SqlRows>& results, std::size_t first, std::size_t count);

// Rows of signal_claims: one a key, claimed or decided.
struct KeyWrite {
  SignalKey key;
  std::string digest;
  ClientOrderId client_id;
  int attempts = 0;
  std::string decided;
};
// A key that somebody has, and that is not free, makes the statement fail: nothing is claimed.
std::vector<Statement> claim_keys(const AccountKey& account, std::vector<KeyWrite> keys, Instant now);
std::vector<Statement> write_exit_words(const AccountKey& account, const std::vector<ExitWord>& words);

// A key is free while every entry sent under it is known never to have left. Said again after each
// write of an entry, in the same transaction.
std::vector<Statement> free_or_bind_keys(const AccountKey& account, const std::vector<OrderWrite>& writes);

// Counts verdicts: one row per (key, guard, verdict).
class DecisionBook {
 public:
  void add(const SignalKey& key, std::string guard, std::string verdict, std::string detail);
  std::vector<Statement> statements(const AccountKey& account, Instant now) const;

 private:
  struct Counted {
    std::string detail;
    std::int64_t count = 0;
  };
  std::map<std::tuple<SignalKey, std::string, std::string>, Counted> rows_;
};

}  // namespace tradeguard
