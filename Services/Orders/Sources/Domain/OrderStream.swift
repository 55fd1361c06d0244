import MartletEventSourcing

/// The fold of an order's stream.
enum OrderStream: EventSourced, Equatable {
    /// No event yet. Goes to `placed` with the event of this name.
    case new(id: String)
    case placed(Order)

    init(id: String) { self = .new(id: id) }

    mutating func apply(_ event: OrderEvent) {
        switch (self, event) {
        case (.new(let id), .placed(let placement)): self = .placed(Order(id: id, placement: placement))
        case (.placed(var order), _):
            order.apply(event)
            self = .placed(order)
        // Every stream begins with `placed`: the store appends nothing else to a new one.
        case (.new, _): break
        }
    }
}
