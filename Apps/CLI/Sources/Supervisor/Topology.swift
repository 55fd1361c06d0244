/// The programs that make up the shop, and their shutdown order.
struct Topology: Sendable {
    struct Member: Sendable {
        /// The program in this program's folder, as in `ordersd`.
        let program: String
        /// The services that it runs, by their names in the registry.
        let services: [String]
        let listeners: Set<Listener>
        /// True when its HTTP listener is the public one, the gateway's.
        var hasPublicHTTP = false
        /// False for a program without persistent state.
        var hasDatabase = true
    }

    enum Listener: String, Sendable, CaseIterable {
        case http
        case grpc
        case operate
    }

    /// Services without operator calls.
    static let withoutOperators: Set = ["gateway", "eventlog"]

    /// In shutdown order: a caller ends before the services it calls.
    let members: [Member]

    /// Every service in its own process.
    static let processes = Topology(members: [
        Member(program: "gatewayd", services: ["gateway"], listeners: [.http], hasPublicHTTP: true, hasDatabase: false),
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
            hasPublicHTTP: true
        )
    ])

    private static func service(_ name: String, program: String) -> Member {
        Member(program: program, services: [name], listeners: [.http, .grpc, .operate])
    }
}
