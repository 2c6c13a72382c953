// "The world did not answer" is a value; exceptions are for broken invariants only.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace tradeguard {

enum class Fault {
  unreachable,    // could not be asked, or did not answer in time; asking later may succeed
  configuration,  // will not get better by itself: wrong schema, pooler, network file system, ...
  fenced,         // another run holds the account now; nothing was written
  data,           // this very batch was refused by a constraint; nothing of it was written
};

struct Error {
  Fault fault;
  std::string what;                // one sentence for a person, no secrets
  std::vector<std::string> chain;  // what was being done, outermost first

  Error(Fault f, std::string w) : fault{f}, what{std::move(w)} {}
  Error within(std::string doing) && {
    chain.insert(chain.begin(), std::move(doing));
    return std::move(*this);
  }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> failed(Fault fault, std::string what) {
  return tl::unexpected<Error>{Error{fault, std::move(what)}};
}

// Visits a variant with one lambda per alternative; forgetting one does not compile.
template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

}  // namespace tradeguard
