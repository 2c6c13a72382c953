// Years of trading in a store, made in seconds.
#pragma once

#include <string>

#include "tradeguard/sql_session.hpp"

namespace tradeguard::bench {

// `rows` rows in exchange_orders: settled trades of this venue's account `main`, one a minute until two
// days ago, over 200 bases, each an entry with its stop; and what belongs to them: the claimed
// keys, the decisions, the delivered notices, and of every 20th an exit wish and a cleared alarm.
// Throws when the database refuses.
void write_history(SqlSession& session, long rows, const std::string& venue = "paper");

}  // namespace tradeguard::bench
