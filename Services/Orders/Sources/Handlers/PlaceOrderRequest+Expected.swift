import MartletCore
import OrdersContract
import SharedContract

extension PlaceOrderRequest {
    /// Compares the order with what the customer was shown, as far as the request states it.
    ///
    /// - Parameter shownRevision: The cart's, with the prices of `placement`; `nil` when they changed meanwhile.
    /// - Throws: `OrderError.notAsExpected`.
    func requireExpected(_ placement: Placement, shownRevision: String?) throws(OrderError) {
        var unmet: [UnmetExpectation] = []
        let total = Money(placement.totalMinorUnits, currency: placement.currency)
        if hasExpectedTotal, !expectedTotal.isEqual(to: total) {
            unmet.append(
                UnmetExpectation(field: "expected_total", expected: expectedTotal.text, actual: total.text)
            )
        }
        if !expectedRevision.isEmpty, ExactText(expectedRevision) != shownRevision.map(ExactText.init(_:)) {
            unmet.append(
                UnmetExpectation(
                    field: "expected_revision",
                    expected: expectedRevision,
                    actual: shownRevision ?? "a later one"
                )
            )
        }
        guard unmet.isEmpty else { throw .notAsExpected(unmet) }
    }
}

extension Money {
    fileprivate var text: String { "\(minorUnits) minor units of \(currency)" }

    fileprivate func isEqual(to other: Money) -> Bool {
        minorUnits == other.minorUnits && ExactText(currency) == ExactText(other.currency)
    }
}
