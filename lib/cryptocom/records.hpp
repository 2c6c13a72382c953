// What the views of the venue show together: one sighting for each order, whatever number of rows
// tell of it. Contract test: tests/cryptocom/records_test.cpp
#pragma once

#include <set>

#include "wire.hpp"

namespace tradeguard::cryptocom {

// Everything read in one call, of all questions.
struct Records {
  std::vector<Row> regular;
  std::vector<Row> advanced;
  std::vector<Fill> trades;
  std::set<std::string> not_regular;  // ids the regular book says it does not have
};

// An executed order the rows of this client id lead to and whose own record was not read yet.
std::vector<std::string> executed_to_read(const OrderQuery& query, const Records& records);
// Legs that rest and whose rows leave out what they were planned by: the order's own record may tell.
std::vector<std::string> legs_to_read(const OrderQuery& query, const Records& records);
// How much was filled, or at what price, is not in the rows: the trades may tell.
bool trades_to_read(const OrderQuery& query, const Records& records);

// Every order under the client id, each once. One order_id is one order, whichever book lists it. A trigger that fired is one order with two ids: its
// row says what was planned, the executed order's what became of it, and a fill that both tell of
// counts once.
std::vector<Sighting> sightings_of(const OrderQuery& query, const Records& records, Instant at);

// A trade names the order: then it exists, though no row shows it.
bool traded(const OrderQuery& query, const Records& records);

// The own orders among the rows, as questions; a row without a market is none.
std::vector<OrderQuery> own_queries(const Records& records);

}  // namespace tradeguard::cryptocom
