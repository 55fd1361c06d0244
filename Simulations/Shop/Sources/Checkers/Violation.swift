/// An invariant of the shop, by its number in `Docs/Guides/Simulation.md`.
enum Invariant: String, Sendable, Codable, CaseIterable {
    case orderLost = "I1 no order lost"
    case ghost = "I2 no ghost"
    case chargedTwice = "I3 no double charge"
    case moneyDrifts = "I4 money conserved"
    case oversold = "I5 no oversell"
    case orphanReservation = "I6 no orphan reservation"
    case orphanAuthorisation = "I7 no orphan authorisation"
    case messageLost = "I8 no message lost"
    case effectTwice = "I9 effect once"
    case orderOfKeyBroken = "I10 order per key"
    case notConverged = "I11 convergence"
    case rejectedWithoutCause = "F80 nobody is turned away without a cause"
    case readNotOwnWrite = "I12 read your own write"
    case crashed = "I14 no crash of its own"
    case historyBroken = "I16 one event for each change"
    case cartBroken = "I17 a cart loses what its order takes"
    case spentByAnother = "I18 no caller is refused because of another"
    case unnamed = "I19 what was not handled is named"
    case brokenSchemaUsed = "I20 no version works on a schema that breaks it"
    case wrongInstance = "I21 a call is sent on only if it was not processed"
    case powerNotGiven = "I22 no caller has a power that no contract gives"
    case textKept = "I23 what customers write stands in one table, and not past its retention"

    /// - Parameter number: As in `I5`.
    init?(number: String) {
        guard let invariant = Self.allCases.first(where: { $0.rawValue.hasPrefix(number + " ") }) else { return nil }
        self = invariant
    }
}

/// A broken invariant, and the aggregate whose history shows it.
struct Violation: Sendable, Codable {
    let invariant: Invariant
    let what: String
    /// The aggregate, usually an order; empty when there is none.
    let aggregate: String
    /// The source location of the check.
    let check: String

    init(
        _ invariant: Invariant,
        _ what: String,
        of aggregate: String = "",
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        check = "\(file):\(line)"
        self.invariant = invariant
        self.what = what
        self.aggregate = aggregate
    }
}
