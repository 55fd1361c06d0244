// What the checkout may do next. The stream may refuse any command; the workflow then undoes what it did.

extension Order {
    /// Stock is promised and payment authorised.
    ///
    /// - Throws: `OrderError.cancelWanted` when the customer was faster; `.wrongState` otherwise.
    func confirm() throws(OrderError) -> [OrderEvent] {
        guard status == .pending else { throw .wrongState(status) }
        guard cancelReason == nil else { throw .cancelWanted }
        var events: [OrderEvent] = []
        if !goods.isEmpty { events.append(.stockReserved) }
        if placement.totalMinorUnits > 0 { events.append(.paymentAuthorised) }
        return events + [.confirmed]
    }

    /// The last moment at which a cancel still cancels.
    func requestCapture() throws(OrderError) -> [OrderEvent] {
        guard status == .confirmed, !captureRequested else { throw .wrongState(status) }
        guard cancelReason == nil else { throw .cancelWanted }
        return [.captureRequested]
    }

    /// The money is ours.
    func complete(capturedMinorUnits: Int64) throws(OrderError) -> [OrderEvent] {
        guard status == .confirmed, captureRequested else { throw .wrongState(status) }
        return capturedMinorUnits > 0 ? [.captured(minorUnits: capturedMinorUnits), .completed] : [.completed]
    }

    /// Ends an order whose checkout was undone: cancelled when the customer asked for it, rejected otherwise.
    func giveUp(reason: String) throws(OrderError) -> [OrderEvent] {
        guard status == .pending || status == .confirmed else { throw .wrongState(status) }
        if let cancelReason { return [.cancelled(reason: cancelReason)] }
        return [.rejected(reason: reason)]
    }
}
