/// The paths of the questions about health, which are answered although the connections of the process are used up.
package enum HealthPath {
    package static let live = "/livez"
    package static let ready = "/readyz"

    static let all = [live, ready]
}
