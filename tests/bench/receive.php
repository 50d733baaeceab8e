<?php
// The same job by hand: HMAC check, then an insert that is on disk before the answer.
// Environment: BENCH_SECRET, BENCH_STORE.

function decode(string $text): string
{
	return (string)base64_decode(strtr($text, '-_', '+/'));
}

$token = preg_replace('/^Bearer /i', '', $_SERVER['HTTP_AUTHORIZATION'] ?? '');
$parts = explode('.', $token);
$header = count($parts) === 3 ? json_decode(decode($parts[0]), true) : null;
$mac = hash_hmac('sha256', "$parts[0].$parts[1]", getenv('BENCH_SECRET'), true);
if (($header['alg'] ?? '') !== 'HS256' || !hash_equals($mac, decode($parts[2]))) {
	http_response_code(401);
	exit;
}
$payload = decode($parts[1]);
$lead = json_decode($payload, true);

$db = new PDO('sqlite:' . getenv('BENCH_STORE'), null, null, [
	PDO::ATTR_PERSISTENT => true, PDO::ATTR_TIMEOUT => 10,
	PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$db->exec('PRAGMA synchronous=FULL');
$insert = $db->prepare('INSERT INTO event (lead, received, payload) VALUES (?, ?, ?)');
$insert->execute([$lead['data']['id'], time(), $payload]);
http_response_code(202);
header('Content-Type: application/json');
echo '{"status":"accepted"}';
