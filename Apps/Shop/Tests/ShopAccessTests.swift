import CartsContract
import CatalogContract
import InventoryContract
import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import OrdersContract
import PaymentsContract
import ProviderContract
import Testing

@testable import Shop

/// What each caller may call, written a second time: a change of a contract is a change here, too.
@Suite("Access to the shop's methods")
struct ShopAccessTests {
    private static let methods: [MethodDescriptor] =
        endpoints + CartsMethods.all + CatalogMethods.all + InventoryMethods.all + OrdersMethods.all
        + PaymentsMethods.all
        + ProviderMethods.all + EventLogMethods.all + OperateMethods.all

    /// Beside the contracts.
    private static let endpoints: [MethodDescriptor] = ShopServices.all.flatMap { service in
        service.raw.map { $0.route.method(of: service.name) }
    }

    private static let services = ShopContracts.services + ["eventlog", "unknown"]

    private static let open: Set<String> = [
        "CreateGuestCart", "GetCart", "PutLine", "RemoveLine", "SearchProducts", "GetProduct", "ListPrices", "GetStock",
    ]

    private static let byScope: [String: Set<String>] = [
        "catalog:write": ["PutProduct", "SetPrice", "ImportProducts"],
        "inventory:write": ["Reserve", "Confirm", "Release", "Receive", "Correct"],
        "inventory:read": ["ListStock", "GetReservation"],
        "orders:write": ["PlaceOrder", "CancelOrder", "ReturnOrder"],
        "orders:read": ["GetOrder", "ListOrders", "GetTimeline"],
        "orders:agreed-price": ["PlaceAgreedOrder", "GetSummary"],
        "payments:read": ["GetPayment", "GetTrialBalance", "Reconcile", "ListDisagreements"],
        "payments:write": ["CheckPayment"],
        "operate": Set(
            OperateMethods.all.map(\.name) + ["Status", "RemoveGroup", "ListLosses", "ConfirmLoss", "ListLogAudit"]
        ),
        "service": [],
    ]

    private static let ofAnyService: Set<String> = ["Publish", "Join", "Acknowledge", "GiveBack", "Leave", "Declare"]

    private static func called(by service: String, for party: Principal.Party) -> Set<String> {
        switch (service, party) {
        case (_, .itself): ofAnyService
        case ("orders", .user):
            [
                "QuotePrices", "GetCart", "Reserve", "Confirm", "Release", "Receive", "Authorise", "Capture",
                "VoidPayment", "Refund",
            ]
        case ("carts", .user), ("carts", .guest): ["QuotePrices"]
        case ("payments", .user):
            ["CreatePayment", "CapturePayment", "CancelPayment", "CreateRefund", "FindPayments", "GetLedger"]
        default: []
        }
    }

    private func admitted(_ principal: Principal) -> Set<String> {
        Set(Self.methods.filter { $0.access.decision(on: principal, from: nil) == .allowed }.map(\.name))
    }

    @Test("no two methods of the shop have one name, so that a name is enough here")
    func names() {
        #expect(Set(Self.methods.map(\.name)).count == Self.methods.count)
    }

    @Test("callers without a token may call what is open, and users what their scope permits besides")
    func users() {
        #expect(admitted(.anonymous) == Self.open)
        #expect(admitted(Principal(user: "ann", scopes: [])) == Self.open)
        for (scope, names) in Self.byScope {
            let user = Principal(user: "ann", scopes: [ExactText(scope)])
            #expect(admitted(user) == Self.open.union(names), "\(scope)")
        }
    }

    @Test("every scope of a contract is listed")
    func scopes() {
        #expect(Set(Self.methods.compactMap(\.access.scope)) == Set(Self.byScope.keys).subtracting(["service"]))
    }

    @Test("each service may call what its callees admit it for, for each party, and nothing else")
    func services() {
        for service in Self.services {
            for party in [Principal.Party.itself, .user("ann"), .guest] {
                let principal = Principal(service: ExactText(service), for: party)
                #expect(admitted(principal) == Self.called(by: service, for: party), "\(service) \(party)")
            }
        }
    }
}
