// Commands of the checkout. The order may refuse each of them; the workflow then compensates.

extension Order {
    /// Confirms the order: its stock is reserved and its payment authorised.
    ///
    /// - Throws: `OrderError.cancelRequested` when the customer asked to cancel before; `.wrongState` otherwise.
    func confirm() throws(OrderError) -> [OrderEvent] {
        guard status == .pending else { throw .wrongState(status) }
        guard !isCancelRequested else { throw .cancelRequested }
        var events: [OrderEvent] = []
        if !goods.isEmpty { events.append(.stockReserved) }
        if placement.totalMinorUnits > 0 { events.append(.paymentAuthorised) }
        return events + [.confirmed]
    }

    /// Announces the capture: a later cancel becomes a refund.
    func requestCapture() throws(OrderError) -> [OrderEvent] {
        guard status == .confirmed, !captureRequested else { throw .wrongState(status) }
        guard !isCancelRequested else { throw .cancelRequested }
        return [.captureRequested]
    }

    /// Completes the order after its capture.
    func complete(capturedMinorUnits: Int64) throws(OrderError) -> [OrderEvent] {
        guard status == .confirmed, captureRequested else { throw .wrongState(status) }
        return capturedMinorUnits > 0 ? [.captured(minorUnits: capturedMinorUnits), .completed] : [.completed]
    }

    /// Ends an order whose checkout was compensated: cancelled when the customer asked for it, rejected otherwise.
    func abort(reason: String) throws(OrderError) -> [OrderEvent] {
        guard status == .pending || status == .confirmed else { throw .wrongState(status) }
        if isCancelRequested { return [.cancelled(textID: cancelTextID)] }
        return [.rejected(reason: reason)]
    }
}
