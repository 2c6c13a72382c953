#include <array>

#include "cells.hpp"
#include "tradeguard/sql_store.hpp"
#include "transactions.hpp"

namespace tradeguard {

Result<std::vector<LiveAccount>> live_accounts(SqlSession& session, Instant now, int schema) {
  const std::string clock = now_expression(session, now);
  // Until schema 3 an entry said itself whether its trade is over.
  const bool older = schema < 3;
  const std::string open = older ? "exchange_orders o WHERE o.leg = 'entry' AND o.twin = 0 AND o.settled = 0 "
                                 : "trades o WHERE o.settled = 0 ";
  const Statement ask{
      "SELECT o.venue, o.account, count(*), " + clock +
          " - (SELECT a.started_at FROM accounts a WHERE a.venue = o.venue AND a.account = o.account), " + clock +
          " - (SELECT a.completed_at FROM accounts a WHERE a.venue = o.venue AND a.account = o.account) "
          "FROM " +
          open + "AND o.venue <> 'paper' GROUP BY o.venue, o.account ORDER BY o.venue, o.account",
      {}};
  auto asked = session.run(std::array{ask});
  if (!asked) return relayed(asked, "counting open live trades");
  std::vector<LiveAccount> found;
  for (const SqlRow& cells : (*asked)[0].rows) {
    LiveAccount account;
    std::optional<Micros> since_start;
    std::optional<Micros> since_end;
    RowReader row{cells, older ? "exchange_orders" : "trades"};
    row >> account.account.venue >> account.account.account >> account.trades >> since_start >> since_end;
    if (!row.readable()) return unreadable(row.complaint());
    // A moment ahead of the clock says nothing about when somebody ran.
    constexpr Micros clocks_differ = -10s;
    for (const auto& since : {since_start, since_end})
      if (since && *since >= clocks_differ && (!account.idle || *since < *account.idle))
        account.idle = std::max(Micros{0}, *since);
    found.push_back(std::move(account));
  }
  return found;
}

Result<std::vector<AccountKey>> known_accounts(SqlSession& session) {
  const Statement ask{"SELECT venue, account FROM accounts ORDER BY venue, account", {}};
  auto asked = session.run(std::array{ask});
  if (!asked) return relayed(asked, "listing the accounts of the store");
  std::vector<AccountKey> known;
  for (const SqlRow& cells : (*asked)[0].rows) {
    RowReader row{cells, "accounts"};
    AccountKey account;
    row >> account.venue >> account.account;
    if (!row.readable()) return unreadable(row.complaint());
    known.push_back(std::move(account));
  }
  return known;
}

}  // namespace tradeguard
