/// Which programs make up the shop, and in which order they end.
struct Topology: Sendable {
    struct Member: Sendable {
        /// The program, beside this one, as in `ordersd`.
        let program: String
        /// The services that it holds, as the registry knows them.
        let services: [String]
        let listeners: Set<Listener>
        /// True for the entrance: its HTTP listener is the one that people use.
        var isEntrance = false
        /// False for a program that keeps nothing.
        var hasDatabase = true
    }

    enum Listener: String, Sendable, CaseIterable {
        case http
        case grpc
        case operate
    }

    /// Services in which there is nothing for an operator to mend.
    static let withoutOperators: Set = ["gateway", "eventlog"]

    /// The one that ends first in front: whoever asks ends before whom it asks.
    let members: [Member]

    /// Every service in its own process.
    static let processes = Topology(members: [
        Member(program: "gatewayd", services: ["gateway"], listeners: [.http], isEntrance: true, hasDatabase: false),
        service("orders", program: "ordersd"),
        service("carts", program: "cartsd"),
        service("payments", program: "paymentsd"),
        service("inventory", program: "inventoryd"),
        service("catalog", program: "catalogd"),
        service("provider", program: "testproviderd"),
        Member(program: "eventlogd", services: ["eventlog"], listeners: [.http, .grpc]),
    ])

    /// All services in one process.
    static let singleProcess = Topology(members: [
        Member(
            program: "shop",
            services: [
                "gateway", "orders", "carts", "payments", "inventory", "catalog", "provider", "eventlog",
            ],
            listeners: [.http, .grpc, .operate],
            isEntrance: true
        )
    ])

    private static func service(_ name: String, program: String) -> Member {
        Member(program: program, services: [name], listeners: [.http, .grpc, .operate])
    }
}
